"""`monitor ack`: a person acknowledges a problem."""

from datetime import UTC, datetime

import click

from monitor.alerts.state import STATE, State
from monitor.context import CLOCK
from runtime.clock import Time
from runtime.command import Reason, log_options, report
from runtime.environment import DataDirectory, Environment, operator
from runtime.exits import Misuse
from runtime.lock import directory_lock
from runtime.log import start_logging


@click.command("ack")
@click.argument("problem")
@click.option(
    "--because",
    type=Reason(),
    required=True,
    help="Why, or what is being done about it.",
)
@click.option(
    "--until", type=Time(),
    help="Send reminders again from this time on (UTC); default never.",
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
    """Acknowledge PROBLEM, such as FILE_HELD:onpart_inventory: no more reminders.

    The problem stays open: `monitor health` shows who acknowledged it, and still exits
    with 1. Its end is still sent. If it comes back, it is a new problem.
    """
    start_logging(log_format, quiet)
    if not because.strip():
        raise Misuse("--because: expected a reason, found none.")
    now, end = datetime.now(UTC), until
    if end and end <= now:
        raise Misuse(
            f"--until: expected a time in the future (UTC), found {end:{CLOCK}}."
        )
    variables = Environment.read()
    path = DataDirectory.read(variables).data / STATE
    by = operator(variables)
    with directory_lock(path.parent, "monitor ack", 60):
        state = State.read(path)
        key = state.acknowledge(problem, by, because.strip(), now, end)
        state.write()
    to = f"{end:{CLOCK}}" if end else None
    result = {"status": "done", "exit_code": 0, "key": key, "by": by, "until": to}
    text = f"{key}: acknowledged by {by}" + (f" until {to}" if to else "")
    report(result, text, as_json)
