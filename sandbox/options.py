"""The options that every command with a stand-in Order Time takes."""

from collections.abc import Callable
from pathlib import Path

import click

from sandbox import faults
from sandbox.switches import Switches

HELP_ON_FAULTS = f"""\b
Faults, as [WHERE@]WHEN:NAME[:VALUE][:OPTION=VALUE]:
{faults.EXAMPLES}
\b
NAME is an HTTP status or one of
{faults.listed()}."""

_Command = Callable[..., None]
_OPTIONS: tuple[Callable[[_Command], _Command], ...] = (
    click.option(
        "--items",
        type=click.IntRange(4, 20_000_000),
        default=2000,
        show_default=True,
        help="How many part items to make up.",
    ),
    click.option(
        "--data",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Serve this folder of JSON files instead: part_items, locations "
        "and stock_by_location, each .json or .json.gz with one array.",
    ),
    click.option(
        "--seed",
        default=1,
        show_default=True,
        help="Another seed makes up another distributor.",
    ),
    click.option(
        "--day",
        type=click.IntRange(0, 365),
        default=0,
        show_default=True,
        help="Days later: stock, some prices and a few items have changed.",
    ),
    click.option(
        "--latency-ms",
        type=click.FloatRange(0),
        default=0,
        show_default=True,
        help="How long every answer waits.",
    ),
    click.option(
        "--fault",
        "fault_specs",
        multiple=True,
        help="What goes wrong, and when; may be given again. See below.",
    ),
    click.option(
        "--switch",
        "switch_texts",
        multiple=True,
        help="NAME=VALUE where Order Time's documents are silent: "
        f"{', '.join(Switches.__dataclass_fields__)}.",
    ),
)


def source_options(function: _Command) -> _Command:
    """Add the options that `ordertime.serve` is made from to a click command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
