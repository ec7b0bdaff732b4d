"""The command line of the stand-ins: serve them, or run a command against them."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from runtime import command
from runtime.exits import Interrupted, Misuse
from sandbox import ordertime, partner
from sandbox.options import HELP_ON_FAULTS, source_options
from sandbox.sample import Sample
from sandbox.switches import Switches

_GRACE_SECONDS = 20


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def sandbox() -> None:
    """Stand-ins on this machine: an Order Time and a partner's FTPS server.

    They need no account, keep nothing, and listen on 127.0.0.1 only.
    """


@sandbox.command("ordertime", epilog=HELP_ON_FAULTS)
@source_options
@click.option("--port", default=0, help="0 (the default) takes a free one.")
@click.option("--http", is_flag=True, help="Plain HTTP instead of HTTPS.")
def serve_ordertime(port: int, http: bool, **options: Any) -> None:
    """Serve Order Time until stopped; print the variables to export.

    \b
    Examples:
      sandbox ordertime
      sandbox ordertime --items 100000 --latency-ms 80
      sandbox ordertime --fault 3:429:retry-after=1 --fault 101@5:reset
    """
    with _ordertime(port=port, tls=not http, **options) as server:
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
    "run", epilog=HELP_ON_FAULTS, context_settings={"ignore_unknown_options": True}
)
@source_options
@click.option(
    "--partner-folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the partner's files arrive; they stay. Otherwise they are dropped.",
)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
def run(partner_folder: Path | None, words: tuple[str, ...], **options: Any) -> None:
    """Run a command with both stand-ins up and its environment set.

    The exit code is the command's. Signals are passed on to it.

    \b
    Examples:
      sandbox run -- extract
      sandbox run --day 1 --partner-folder data/partner -- make feeds
      sandbox run --fault 'list/1112@2:cut' -- extract ordertime
    """
    with ExitStack() as stack:
        folder = partner_folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-partner-"))
        )
        source = stack.enter_context(_ordertime(**options))
        destination = stack.enter_context(partner.serve(folder))
        code = _child(words, source.variables | destination.variables())
    sys.exit(code)


@contextmanager
def _ordertime(
    items: int,
    data: Path | None,
    seed: int,
    day: int,
    latency_ms: float,
    fault_specs: tuple[str, ...],
    switch_texts: tuple[str, ...],
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


def _until_stopped(variables: Mapping[str, str]) -> None:
    for name, text in variables.items():
        click.echo(f"{name}={text}")
    sys.stdout.flush()
    try:
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
