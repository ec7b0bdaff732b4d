"""The command line of the stand-ins: start them, or run a command against them."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from runtime import command
from runtime.exits import Interrupted, Misuse
from sandbox import faults, order_tool, ordertime, partner, public_apis
from sandbox.options import Options
from sandbox.sample import Sample
from sandbox.sample_orders import OrderSample

_GRACE_SECONDS = 20

_Command = Callable[..., None]
_Option = Callable[[_Command], _Command]


def _help_on_faults(examples: str) -> str:
    """Return the text below the options in a command's help."""
    return f"""\b
Faults, as [WHERE@]WHEN:NAME[:VALUE][:OPTION=VALUE]:
{examples}
\b
NAME is an HTTP status or one of
{faults.list_names()}."""


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
        help="How many part items to generate.",
    ),
    click.option(
        "--data",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Serve this folder of JSON files instead: part_items, locations "
        "and stock_by_location, each .json or .json.gz with one array.",
    ),
    click.option(
        "--switch",
        "switches",
        multiple=True,
        help="NAME=VALUE: behavior that Order Time's documents leave open: "
        f"{', '.join(Options.__dataclass_fields__)}.",
    ),
)
_ORDER_TOOL: tuple[_Option, ...] = (
    click.option(
        "--orders",
        type=click.IntRange(2, 20_000_000),
        default=2000,
        show_default=True,
        help="How many orders to generate.",
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
        help="The time in UTC from which generated terms and orders are dated. The "
        "default is the last midnight.",
    ),
)
_SHARED: tuple[_Option, ...] = (
    click.option(
        "--seed",
        default=1,
        show_default=True,
        help="Another seed generates another company.",
    ),
    click.option(
        "--day",
        type=click.IntRange(0, 365),
        default=0,
        show_default=True,
        help="So many days later: records were added, removed and changed.",
    ),
    click.option(
        "--latency-ms",
        type=click.FloatRange(0),
        default=0,
        show_default=True,
        help="How long every response waits.",
    ),
    click.option(
        "--fault",
        "faults",
        multiple=True,
        help="What goes wrong, and when; may be repeated. See below.",
    ),
)
_LISTENING: tuple[_Option, ...] = (
    click.option("--port", default=0, help="0 (the default) for a free one."),
    click.option("--http", is_flag=True, help="Plain HTTP instead of HTTPS."),
)


def _add(*options: _Option) -> _Option:
    def decorate(function: _Command) -> _Command:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def sandbox() -> None:
    """Stand-ins on this machine: Order Time, the order tool, a partner's FTPS server.

    They need no account, store nothing, and listen on 127.0.0.1 only.
    """


@sandbox.command("ordertime", epilog=_help_on_faults(faults.EXAMPLES))
@_add(*_ORDERTIME, *_SHARED, *_LISTENING)
def serve_ordertime(http: bool, **options: Any) -> None:
    """Serve Order Time until stopped; print the variables to export.

    \b
    Examples:
      sandbox ordertime
      sandbox ordertime --items 100000 --latency-ms 80
      sandbox ordertime --fault 3:429:retry-after=1 --fault 101@5:reset
    """
    with _ordertime(tls=not http, **options) as server:
        _until_stopped(server.variables)


@sandbox.command("order-tool", epilog=_help_on_faults(faults.ORDER_EXAMPLES))
@_add(*_ORDER_TOOL, *_SHARED, *_LISTENING)
def serve_order_tool(http: bool, **options: Any) -> None:
    """Serve the order tool until stopped; print the variables to export.

    \b
    Examples:
      sandbox order-tool
      sandbox order-tool --orders 100000 --now 2026-11-20 --day 1
      sandbox order-tool --fault orders@3:429:retry-after=1
    """
    with _order_tool(tls=not http, **options) as server:
        _until_stopped(server.variables)


@sandbox.command("public-apis")
@click.option(
    "--records",
    type=click.IntRange(0, 10**6),
    default=250,
    show_default=True,
    help="How many records each list has.",
)
@_add(*_LISTENING)
def serve_public_apis(records: int, port: int, http: bool) -> None:
    """Serve three shapes of public APIs until stopped; print the variables to export.

    SHOP_URL is the address; /cursor/parts, /link/parts and /offset/parts are lists.
    docs/sources.md declares them.
    """
    parts = public_apis.parts(records)
    with public_apis.serve(parts, tls=not http, port=port) as server:
        _until_stopped({"SHOP_URL": server.url, **server.variables})


@sandbox.command("partner")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where files arrive. They are kept.",
)
@click.option("--port", default=0, help="0 (the default) for a free one.")
@click.option(
    "--destination",
    default="ONPART",
    show_default=True,
    help="The NAME in the DEST_<NAME>_* variables.",
)
def serve_partner(folder: Path, port: int, destination: str) -> None:
    """Serve the partner's FTPS until stopped; print the variables to export.

    \b
    Example:
      sandbox partner --folder data/partner
    """
    with partner.serve(folder, port) as server:
        _until_stopped(server.variables(destination))


@sandbox.command(
    "run",
    epilog=_help_on_faults(f"{faults.EXAMPLES}\n{faults.ORDER_EXAMPLES}"),
)
@_add(*_ORDERTIME, *_ORDER_TOOL, *_SHARED)
@click.option(
    "--partner-folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the partner's files arrive. Without it, they are removed at the end.",
)
@click.argument(
    "arguments",
    metavar="COMMAND...",
    nargs=-1,
    required=True,
    type=click.UNPROCESSED,
)
def run(
    partner_folder: Path | None,
    arguments: tuple[str, ...],
    items: int,
    data: Path | None,
    switches: tuple[str, ...],
    orders: int,
    orders_data: Path | None,
    now: datetime | None,
    **shared: Any,
) -> None:
    """Run a command with all stand-ins running and its environment set.

    The exit code is the command's. Signals are passed on to it. The partner's server
    is two destinations: DEST_ONPART_* and DEST_ORDERS_*. A fault without WHERE
    happens in both sources, each of which counts its own requests.

    \b
    Examples:
      sandbox run -- extract
      sandbox run --day 1 --partner-folder data/partner -- sh -c \\
        'extract && dbt build && publish'
      sandbox run --fault 'list/1112@2:cut' -- extract ordertime
    """
    with ExitStack() as stack:
        folder = partner_folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-partner-"))
        )
        parts = stack.enter_context(_ordertime(items, data, switches, **shared))
        tool = stack.enter_context(_order_tool(orders, orders_data, now, **shared))
        destination = stack.enter_context(partner.serve(folder))
        variables = parts.variables | tool.variables
        for name in ("ONPART", "ORDERS"):
            variables |= destination.variables(name)
        code = _run_child(arguments, variables)
    sys.exit(code)


def _ordertime(
    items: int,
    data: Path | None,
    switches: tuple[str, ...],
    seed: int,
    day: int,
    **server: Any,
) -> AbstractContextManager[ordertime.Server]:
    source = data or Sample(items, seed, day)
    return ordertime.serve(source, options=Options.parse(switches), **server)


def _order_tool(
    orders: int,
    orders_data: Path | None,
    now: datetime | None,
    seed: int,
    day: int,
    **server: Any,
) -> AbstractContextManager[order_tool.Server]:
    sample = OrderSample(orders, seed, day)
    if now:
        sample = replace(sample, now=now)
    return order_tool.serve(orders_data or sample, **server)


def _until_stopped(variables: Mapping[str, str]) -> None:
    try:
        for name, value in variables.items():
            click.echo(f"{name}={value}")
        sys.stdout.flush()
        signal.pause()
    except Interrupted:
        # This is the normal end.
        command.accept_signal()


def _run_child(arguments: tuple[str, ...], variables: Mapping[str, str]) -> int:
    try:
        child = subprocess.Popen(arguments, env={**os.environ, **variables})  # noqa: S603
    except OSError as error:
        raise Misuse(f"{arguments[0]} cannot be run: {error.strerror}.") from None
    try:
        code = child.wait()
    except Interrupted as interrupted:
        command.accept_signal()
        child.send_signal(interrupted.code - 128)
        try:
            code = child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
    return code if code >= 0 else 128 - code


def main() -> None:
    """Run the command line; the entry point `sandbox`."""
    command.run(sandbox)


if __name__ == "__main__":
    main()
