"""What every command shares: a result on stdout, an exit code, and what signals do."""

import _thread
import errno
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import click

from runtime import log
from runtime.display import json_text, one_line, paragraphs
from runtime.exits import WHAT_TO_FREE, Interrupted, Misuse, Stop, Temporary


class Reason(click.ParamType[str]):
    """A text of a person for the ledger: on one line, with single blanks."""

    name = "text"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return it as it is recorded."""
        return " ".join(value.split())


def log_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--json`, `--log-format` and `--quiet` to a click command."""
    for option in (
        click.option(
            "--quiet", is_flag=True, help="No log lines but warnings; no progress bar."
        ),
        click.option(
            "--log-format",
            type=click.Choice(log.FORMATS),
            callback=lambda context, option, value: value or "",
            help="Form of the log lines on stderr.  [default: FEEDS_LOG_FORMAT, text]",
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


def show_progress(quiet: bool) -> bool:
    """Return whether to show a progress bar: on a terminal, unless `--quiet`."""
    return sys.stderr.isatty() and not quiet


def report(result: Mapping[str, Any], summary: str, as_json: bool) -> None:
    """Print the one result of a command: `summary` for people, or JSON."""
    if as_json:
        click.echo(json_text(result))
    else:
        click.echo(paragraphs(summary))


def run(command: click.Command, arguments: list[str] | None = None) -> None:
    """Run a click command and exit; a deliberate end shows no traceback.

    0 done, 1 refused, 2 usage or bug, 75 temporary, 128+n after a signal n. A closed
    stdout or stderr changes none of them; a result that a full disk does not take is
    temporary. Whatever the umask, the owner may change every file that is made, and no
    other user may.
    """
    for number in (0, 1, 2):
        _open_if_closed(number)
    sys.stdout = _surviving(sys.stdout, 1)
    sys.stderr = _surviving(sys.stderr, 2)
    os.umask(os.umask(0o022) & 0o077 | 0o022)
    code: Any = 0
    try:
        for number in _SIGNALS:
            signal.signal(number, _interrupt)
        # Without its standalone mode, click returns the code of ctx.exit(n).
        code = command.main(args=arguments, standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        code = _end(error, arguments)
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN if _arrived else signal.SIG_DFL)
    if isinstance(code, int) and code:
        sys.exit(code)


def _end(error: BaseException, arguments: list[str] | None) -> int:
    """Say how a command ended; return its exit code."""
    if isinstance(error, click.ClickException):
        if log.is_json():
            _log_end("usage", error.format_message(), 2)
            return 2
        usage = io.StringIO()
        error.show(file=usage)
        click.echo(paragraphs(usage.getvalue()), err=True, nl=False)
        return 2
    if isinstance(error, click.Abort):
        return 130
    end = _known_end(error)
    if end:
        _say(str(end), end.code, arguments)
        return end.code
    if not isinstance(error, Exception) or os.environ.get("FEEDS_TRACEBACK"):
        raise error
    _say(
        f"unexpected {type(error).__name__}: {error}. This is a bug; "
        "run again with FEEDS_TRACEBACK=1 and report what it prints.",
        2,
        arguments,
    )
    return 2


def _known_end(error: BaseException) -> Stop | Interrupted | None:
    """Return the end that an exception stands for; None for a bug."""
    if isinstance(error, Stop | Interrupted):
        return error
    if _arrived:
        # A library turned the signal into an error of its own.
        return Interrupted(_arrived[0])
    while True:
        if isinstance(error, OSError) and error.errno in _FULL:
            return _disk_full(error.filename)
        if isinstance(error, OSError) and error.errno in _PATH and error.filename:
            return Misuse(
                "expected a path that can be written and read, found "
                f"{error.filename}: {error.strerror}"
            )
        if "No space left on device" in str(error):  # DuckDB and Arrow
            return _disk_full(None)
        if isinstance(error, BrokenPipeError):
            # click makes SystemExit(1) of it, which means held.
            return Temporary("the other side closed a connection. Run it again.")
        cause = error.__cause__ or error.__context__
        if cause is None:
            return None
        error = cause


_FULL = (errno.ENOSPC, errno.EDQUOT)
# What is wrong with a path, and not with a program.
_PATH = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR),
    *(errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP),
)


def _disk_full(path: Any) -> Temporary:
    return Temporary(
        f"the disk is full{f' at {path}' if path else ''}: nothing half-written is "
        f"used. {WHAT_TO_FREE}"
    )


def _say(message: str, code: int, arguments: list[str] | None) -> None:
    status = _STATUS.get(code, "failed")
    if log.is_json():
        _log_end(status, message, code)
    else:
        click.echo(f"Error: {one_line(message)}", err=True)
    given = sys.argv[1:] if arguments is None else arguments
    if "--json" in given:
        with suppress(OSError):  # a full disk, after the message was said
            click.echo(
                json_text({"status": status, "exit_code": code, "message": message})
            )


def _log_end(event: str, message: str, code: int) -> None:
    fields = {"exit_code": code, "because": message}
    click.echo(log.json_line("error", event, fields), err=True)


_STATUS = {1: "refused", 2: "failed", 75: "temporary"}


class _Output(io.TextIOWrapper):
    """Standard output or error; what cannot be written to it is lost.

    A result that a full disk lost is an error, once. Lost log lines are none.
    """

    def write(self, text: str, /) -> int:
        with self._lost_if_it_fails():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with self._lost_if_it_fails():
            super().flush()

    @contextmanager
    def _lost_if_it_fails(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            super().flush()
            if self.fileno() == 1 and error.errno in _FULL:
                raise OSError(error.errno, error.strerror, "standard output") from None


def _open_if_closed(number: int) -> None:
    """Open a closed standard stream, so that no file of ours gets its number."""
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _surviving(stream: Any, number: int) -> Any:
    """Return a stream that survives its reader; one that a test put there stays."""
    if stream is not None and stream not in (sys.__stdout__, sys.__stderr__):
        return stream
    if stream is not None:
        stream.flush()
    file = io.FileIO(number, "wb", closefd=False)
    return _Output(
        io.BufferedWriter(file),
        encoding=stream.encoding if stream else "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or file.isatty(),
    )


_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
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


def accept_signal() -> None:
    """Treat the signal that arrived as handled: the command goes on.

    Call this where `Interrupted` is caught for good. Otherwise it is raised again.
    """
    _arrived.clear()


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not _arrived:
        _arrived.append(number)
        _thread.start_new_thread(_repeat, (number,))
    elif sys.exc_info()[1] is not None:
        # The clean-up that the first signal started must not be interrupted.
        return
    raise Interrupted(_arrived[0])


def _repeat(number: int) -> None:
    """Send a signal again: an import or a finalizer may have swallowed it."""
    while True:
        time.sleep(0.25)
        if not _arrived or signal.getsignal(number) is not _interrupt:
            return
        signal.pthread_kill(threading.main_thread().ident or 0, number)
