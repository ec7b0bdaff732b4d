"""The options of the commands that start a stand-in source."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from sandbox import faults
from sandbox.switches import Switches

_Command = Callable[..., None]
_Option = Callable[[_Command], _Command]


def help_on_faults(examples: str) -> str:
    """Return what stands below a command's options."""
    return f"""\b
Faults, as [WHERE@]WHEN:NAME[:VALUE][:OPTION=VALUE]:
{examples}
\b
NAME is an HTTP status or one of
{faults.listed()}."""


def _utc(
    context: click.Context, parameter: click.Parameter, value: datetime | None
) -> datetime | None:
    return value.replace(tzinfo=UTC) if value else None


_ORDERTIME: tuple[_Option, ...] = (
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
        "--switch",
        "switch_texts",
        multiple=True,
        help="NAME=VALUE where Order Time's documents are silent: "
        f"{', '.join(Switches.__dataclass_fields__)}.",
    ),
)
_ORDER_TOOL: tuple[_Option, ...] = (
    click.option(
        "--orders",
        type=click.IntRange(2, 20_000_000),
        default=2000,
        show_default=True,
        help="How many orders to make up.",
    ),
    click.option(
        "--orders-data",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Serve this folder of JSON files instead: terms and orders, each .json "
        "or .json.gz with one array.",
    ),
    click.option(
        "--now",
        type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
        callback=_utc,
        help="The moment, UTC, that made-up terms and orders are dated by; the last "
        "midnight if it is not given.",
    ),
)
_SHARED: tuple[_Option, ...] = (
    click.option(
        "--seed",
        default=1,
        show_default=True,
        help="Another seed makes up another company.",
    ),
    click.option(
        "--day",
        type=click.IntRange(0, 365),
        default=0,
        show_default=True,
        help="Days later: records have come, gone and changed.",
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
)
_LISTENING: tuple[_Option, ...] = (
    click.option("--port", default=0, help="0 (the default) takes a free one."),
    click.option("--http", is_flag=True, help="Plain HTTP instead of HTTPS."),
)


def _with(*groups: tuple[_Option, ...]) -> _Option:
    def add(function: _Command) -> _Command:
        for option in reversed([each for group in groups for each in group]):
            function = option(function)
        return function

    return add


ordertime_options = _with(_ORDERTIME, _SHARED, _LISTENING)
order_tool_options = _with(_ORDER_TOOL, _SHARED, _LISTENING)
run_options = _with(_ORDERTIME, _ORDER_TOOL, _SHARED)
