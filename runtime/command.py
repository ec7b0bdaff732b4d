"""What every command shares: log lines on stderr, a result on stdout, an exit code."""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import click

from runtime.exits import Interrupted, Stop

LOG = logging.getLogger("feeds")
_CLOCK = "%Y-%m-%dT%H:%M:%SZ"


class _JsonLines(logging.Formatter):
    def formatTime(  # noqa: N802 (logging's own name)
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        return time.strftime(datefmt or _CLOCK, time.gmtime(record.created))

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        return json.dumps(line, ensure_ascii=False)


class _TextLines(_JsonLines):
    def format(self, record: logging.LogRecord) -> str:
        at = self.formatTime(record, "%H:%M:%S")
        return f"{at} {record.levelname.lower():<7} {record.getMessage()}"


def log_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--json`, `--log-format` and `--quiet` to a click command."""
    for option in (
        click.option(
            "--quiet", is_flag=True, help="No log lines but warnings; no progress bar."
        ),
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            help="Form of the log lines on stderr.",
        ),
        click.option(
            "--json",
            "as_json",
            is_flag=True,
            help="Print one JSON object on stdout instead of the summary.",
        ),
    ):
        function = option(function)
    return function


def start_logging(log_format: str, quiet: bool) -> None:
    """Send log lines to stderr: `at level event`, as text or as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if log_format == "json" else _TextLines())
    LOG.handlers = [handler]
    LOG.propagate = False
    LOG.setLevel(logging.WARNING if quiet else logging.INFO)


def show_progress(quiet: bool) -> bool:
    """Return whether to show a progress bar: on a terminal, unless `--quiet`."""
    return sys.stderr.isatty() and not quiet


def report(result: Mapping[str, Any], summary: str, as_json: bool) -> None:
    """Print the one result of a command: `summary` for people, or JSON."""
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, default=str))
    else:
        click.echo(summary)


def run(command: click.Command, arguments: list[str] | None = None) -> None:
    """Run a click command and exit; a deliberate end shows no traceback.

    0 done, 1 refused, 2 usage or bug, 75 temporary, 128+n after a signal n.
    """
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        # Without its standalone mode, click returns the code of ctx.exit(n).
        code = command.main(args=arguments, standalone_mode=False)
    except (Stop, Interrupted) as stop:
        _say(str(stop), stop.code, arguments)
        sys.exit(stop.code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our stdout has closed it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if _arrived:
            # A library turned the signal into an error of its own.
            end = Interrupted(_arrived[0])
            _say(str(end), end.code, arguments)
            sys.exit(end.code)
        LOG.debug("traceback", exc_info=True)
        if os.environ.get("FEEDS_TRACEBACK"):
            raise
        _say(
            f"unexpected {type(error).__name__}: {error}. This is a bug; "
            "run again with FEEDS_TRACEBACK=1 and report what it prints.",
            2,
            arguments,
        )
        sys.exit(2)
    if isinstance(code, int) and code:
        sys.exit(code)


def _say(message: str, code: int, arguments: list[str] | None) -> None:
    click.echo(f"Error: {message}", err=True)
    given = sys.argv[1:] if arguments is None else arguments
    if "--json" in given:
        click.echo(
            json.dumps(
                {
                    "status": _STATUS.get(code, "failed"),
                    "exit_code": code,
                    "message": message,
                },
                ensure_ascii=False,
            )
        )


_STATUS = {1: "refused", 2: "failed", 75: "temporary"}


_arrived: list[int] = []


def raise_if_interrupted() -> None:
    """Raise `Interrupted` if a signal arrived that a library caught.

    DuckDB turns a signal into an error of its own, and Great Expectations takes that
    error for the result of a check.

    Raises:
        Interrupted: a signal arrived.
    """
    if _arrived:
        raise Interrupted(_arrived[0])


def _interrupt(number: int, frame: FrameType | None) -> None:
    _arrived.append(number)
    # A second signal must not interrupt the clean-up that the first one started.
    for known in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(known, signal.SIG_IGN)
    raise Interrupted(number)
