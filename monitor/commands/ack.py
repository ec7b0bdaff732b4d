"""`monitor ack`: a person takes a problem over."""

from datetime import UTC, datetime

import click

from monitor.alerts.state import STATE, State
from monitor.context import CLOCK
from runtime.clock import Time
from runtime.command import log_options, report, start_logging
from runtime.environment import Environment, Place, operator
from runtime.exits import Misuse
from runtime.lock import one_writer


@click.command("ack")
@click.argument("problem")
@click.option("--because", required=True, help="Why, or what is being done about it.")
@click.option(
    "--until", type=Time(),
    help="Remind again from then on (UTC), if it is not over; default never.",
)  # fmt: skip
@log_options
def command(
    problem: str,
    because: str,
    until: datetime | None,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Take over PROBLEM, such as FILE_HELD:onpart_inventory: no reminders of it.

    It stays a problem: `monitor health` shows who has it, and ends with 1. Its end is
    still told, and if it comes back it is a new one.
    """
    start_logging(log_format, quiet)
    if not because.strip():
        raise Misuse("--because: expected a reason, found none.")
    now, end = datetime.now(UTC), until
    if end and end <= now:
        raise Misuse(f"--until: expected a time to come (UTC), found {end:{CLOCK}}.")
    variables = Environment.read()
    path = Place.of(variables).data / STATE
    by = operator(variables)
    with one_writer(path.parent, "monitor ack", 60):
        state = State.read(path)
        (key,) = state.acknowledge(problem, by, because.strip(), now, end)
        state.keep()
    told = f"{end:{CLOCK}}" if end else None
    result = {"status": "done", "exit_code": 0, "key": key, "by": by, "until": told}
    words = f"{key}: acknowledged by {by}" + (f" until {told}" if told else "")
    report(result, words, as_json)
