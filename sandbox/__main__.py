"""The command line of the stand-ins: serve them, or run a command against them."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from runtime import command
from runtime.exits import Interrupted, Misuse
from sandbox import faults, order_tool, ordertime, partner
from sandbox.options import (
    help_on_faults,
    order_tool_options,
    ordertime_options,
    run_options,
)
from sandbox.sample import Sample
from sandbox.sample_orders import OrderSample
from sandbox.switches import Switches

_GRACE_SECONDS = 20


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def sandbox() -> None:
    """Stand-ins on this machine: Order Time, the order tool, a partner's FTPS server.

    They need no account, keep nothing, and listen on 127.0.0.1 only.
    """


@sandbox.command("ordertime", epilog=help_on_faults(faults.EXAMPLES))
@ordertime_options
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


@sandbox.command("order-tool", epilog=help_on_faults(faults.ORDER_EXAMPLES))
@order_tool_options
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


@sandbox.command("partner")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where files arrive; they stay.",
)
@click.option("--port", default=0, help="0 (the default) takes a free one.")
@click.option(
    "--destination",
    default="ONPART",
    show_default=True,
    help="Name in the DEST_<NAME>_* variables.",
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
    epilog=help_on_faults(f"{faults.EXAMPLES}\n{faults.ORDER_EXAMPLES}"),
)
@run_options
@click.option(
    "--partner-folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the partner's files arrive; they stay. Otherwise they are dropped.",
)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    partner_folder: Path | None,
    words: tuple[str, ...],
    items: int,
    data: Path | None,
    switch_texts: tuple[str, ...],
    orders: int,
    orders_data: Path | None,
    now: datetime | None,
    **shared: Any,
) -> None:
    """Run a command with all stand-ins up and its environment set.

    The exit code is the command's. Signals are passed on to it. The partner's server
    is two destinations: DEST_ONPART_* and DEST_ORDERS_*. A fault that does not say
    where happens in both sources, each of which counts its own requests.

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
        parts = stack.enter_context(_ordertime(items, data, switch_texts, **shared))
        tool = stack.enter_context(_order_tool(orders, orders_data, now, **shared))
        destination = stack.enter_context(partner.serve(folder))
        variables = parts.variables | tool.variables
        for name in ("ONPART", "ORDERS"):
            variables |= destination.variables(name)
        code = _child(words, variables)
    sys.exit(code)


@contextmanager
def _ordertime(
    items: int,
    data: Path | None,
    switch_texts: tuple[str, ...],
    seed: int,
    day: int,
    latency_ms: float,
    fault_specs: tuple[str, ...],
    port: int = 0,
    tls: bool = True,
) -> Iterator[ordertime.Server]:
    with ordertime.serve(
        data or Sample(items, seed, day),
        faults=fault_specs,
        switches=Switches.parse(switch_texts),
        latency_ms=latency_ms,
        port=port,
        tls=tls,
    ) as server:
        yield server


@contextmanager
def _order_tool(
    orders: int,
    orders_data: Path | None,
    now: datetime | None,
    seed: int,
    day: int,
    latency_ms: float,
    fault_specs: tuple[str, ...],
    port: int = 0,
    tls: bool = True,
) -> Iterator[order_tool.Server]:
    sample = OrderSample(orders, seed, day)
    with order_tool.serve(
        orders_data or (replace(sample, now=now) if now else sample),
        faults=fault_specs,
        latency_ms=latency_ms,
        port=port,
        tls=tls,
    ) as server:
        yield server


def _until_stopped(variables: Mapping[str, str]) -> None:
    try:
        for name, text in variables.items():
            click.echo(f"{name}={text}")
        sys.stdout.flush()
        signal.pause()
    except Interrupted:
        # The way it is meant to end.
        return


def _child(words: tuple[str, ...], variables: Mapping[str, str]) -> int:
    try:
        child = subprocess.Popen(words, env={**os.environ, **variables})  # noqa: S603
    except OSError as error:
        raise Misuse(f"{words[0]} cannot be run: {error.strerror}.") from None
    try:
        code = child.wait()
    except Interrupted as interrupted:
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
