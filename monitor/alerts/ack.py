"""`monitor ack`: a person takes a problem over."""

import getpass
from datetime import UTC, datetime

import click

from monitor.alerts.look import STATE
from monitor.alerts.state import State
from runtime.command import log_options, report, start_logging
from runtime.environment import Environment, Place
from runtime.exits import Misuse
from runtime.lock import one_writer


@click.command("ack")
@click.argument("problem")
@click.option("--because", required=True, help="Why, or what is being done about it.")
@log_options
def command(
    problem: str, because: str, as_json: bool, log_format: str, quiet: bool
) -> None:
    """Take over PROBLEM, such as FILE_HELD:onpart_inventory: no reminders of it.

    Its end is still told, and if it comes back it is a new one.
    """
    start_logging(log_format, quiet)
    if not because.strip():
        raise Misuse("--because: expected a reason, found none.")
    variables = Environment.read()
    path = Place.of(variables).data / STATE
    by = variables.text("FEEDS_OPERATOR", getpass.getuser())
    with one_writer(path.parent, "monitor ack", 60):
        state = State.read(path)
        (key,) = state.acknowledge(problem, by, because.strip(), datetime.now(UTC))
        state.keep()
    result = {"status": "done", "exit_code": 0, "key": key, "by": by}
    report(result, f"{key}: acknowledged by {by}", as_json)
