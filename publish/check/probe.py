"""One tiny delivery, step by step, under names that no pick-up job takes."""

import secrets
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path

from publish.check.report import Report
from publish.transport import Connection, Destination, connect
from publish.transport.connection import ensure_mode
from publish.transport.errors import retry_of
from runtime.clock import time_limit
from runtime.exits import Refused, Stop, Temporary
from runtime.failpoints import failpoint
from runtime.log import LOG

# All names of all checks begin with it.
PREFIX = "partner-feeds-check-"
_OVER = "rename over a file"
# A job that takes files by a timer or a notification needs a moment.
_STAY_SECONDS = 1.0
# An orchestrator that sent SIGTERM kills after 20 to 30 seconds.
_LAST_SECONDS = 12


class _LateError(Stop):
    """The time for removing files after a signal is over."""


class Probe:
    """A check of one folder; what it sees goes into a report."""

    def __init__(
        self,
        to: Destination,
        report: Report,
        must_replace: bool = True,
        modes: Collection[str | None] = (None,),
    ) -> None:
        """Prepare a check of the report's folder.

        Args:
            to: the destination.
            report: gets verdict, message, steps, facts and what is left.
            must_replace: a server that does not rename over a file is not acceptable.
            modes: what permissions files get; None where the server decides.
        """
        self._to, self._report, self._must_replace = to, report, must_replace
        self._modes = modes
        self._token = secrets.token_hex(6)
        self._there: set[str] = set()
        self._step = ""

    def run(self) -> None:
        """Take every step until one fails; files are removed whatever happens.

        Raises:
            Misuse: a file that the destination's variables name cannot be read.
            Interrupted: by a signal, after files were removed.
        """
        to, report = self._to, self._report
        report.server = f"file://{to.path}" if to.scheme == "file" else to.server
        try:
            self._deliver()
        except (Refused, Temporary) as error:
            unavailable = retry_of(error) == "retry_often"
            report.verdict = "unavailable" if unavailable else "not acceptable"
            report.steps[self._step] = self._answer(error)
            report.message = f"{self._step}: {report.steps[self._step]}"
            report.left = self._clean()
        except BaseException:
            self._clean(hurry=True)
            raise

    def _deliver(self) -> None:
        report = self._report
        with self._taking("log in"):
            connection = connect(self._to, report.folder)
        with closing(connection):
            report.facts |= connection.facts()
            part, name, second = (
                f"{PREFIX}{self._token}-{number}.part" for number in (1, 2, 3)
            )
            self._put(connection, part, b"a,b\r\n1,2\r\n")
            report.facts |= connection.facts()  # whether data resumed the TLS session
            with self._taking("rename"):
                self._rename(connection, part, name, 10)
            report.facts["mode"] = self._mode(connection, name)
            self._replace(connection, second, name)
            with self._taking("stay"):
                time.sleep(_STAY_SECONDS)
                for here in self._there:
                    if connection.size(here) is None:
                        raise _lost(here)
            with self._taking("remove"):
                self._remove(connection)

    def _put(self, connection: Connection, name: str, content: bytes) -> None:
        with tempfile.TemporaryDirectory() as place, self._taking("send"):
            source = Path(place) / "probe"
            source.write_bytes(content)
            self._there.add(name)
            sent = connection.put(source, name, lambda size: failpoint("in-check-stor"))
        with self._taking("size"):
            self._expect(connection, name, sent.bytes)
        with self._taking("hash"):
            digest = connection.hash(name)
            if digest is not None and sent.agrees(digest) is not True:
                raise Refused(f"the server's {digest} is not the hash of {name}")
            self._report.steps["hash"] = digest.algorithm if digest else "not offered"

    def _replace(self, connection: Connection, part: str, name: str) -> None:
        self._put(connection, part, b"a,b\r\n1,2\r\n3,4\r\n")
        for mode in sorted(filter(None, self._modes)):
            with self._taking(f"mode {mode}"):
                ensure_mode(connection, part, mode)
            if None not in self._modes:
                self._report.facts["mode"] = mode
        try:
            with self._taking(_OVER):
                self._rename(connection, part, name, 15)
        except (Refused, Temporary) as error:
            if self._must_replace or retry_of(error) == "retry_often":
                raise
            self._report.steps[_OVER] = f"not needed, and {self._answer(error)}"

    def _rename(self, connection: Connection, old: str, new: str, size: int) -> None:
        self._there.add(new)
        connection.rename(old, new)
        self._expect(connection, new, size)
        if connection.size(old) is not None:
            raise Refused(f"the server said yes, but still has {old}")
        self._there.discard(old)

    def _remove(self, connection: Connection) -> None:
        for name in sorted(self._there | set(self._listed(connection))):
            connection.remove(name)
        if names := self._listed(connection):
            raise Refused(f"the server said yes, but still has {', '.join(names)}")

    def _mode(self, connection: Connection, name: str) -> str | None:
        # If the connection broke, the next step reports it.
        with suppress(Refused, Temporary):
            return connection.mode(name)
        return None

    def _expect(self, connection: Connection, name: str, size: int) -> None:
        remote = connection.size(name)
        if remote is None:
            raise _lost(name)
        if remote != size:
            raise Refused(f"{name}: expected {size} bytes, the server has {remote}")

    def _listed(self, connection: Connection) -> list[str]:
        """Return the files of this and earlier checks that the server has.

        Of this one alone where the folder cannot be listed.
        """
        with suppress(Refused, Temporary):
            return [name for name in connection.list() if name.startswith(PREFIX)]
        return [n for n in sorted(self._there) if connection.size(n) is not None]

    def _clean(self, hurry: bool = False) -> list[str]:
        """Remove what a check that failed may have left; return what may be there.

        Over a new connection: the old one may have stopped in a transfer.
        """
        if not self._there:
            return []
        try:
            with (
                time_limit(_LAST_SECONDS, _LateError) if hurry else nullcontext(),
                closing(connect(self._to, self._report.folder)) as connection,
            ):
                for name in sorted(self._there | set(self._listed(connection))):
                    with suppress(Refused, Temporary):
                        connection.remove(name)
                return self._listed(connection)
        except (Refused, Temporary, _LateError) as error:
            LOG.warning(
                "removing files failed", destination=self._to.name, because=error
            )
        return sorted(self._there)

    @contextmanager
    def _taking(self, step: str) -> Iterator[None]:
        self._step = step
        LOG.info("check", destination=self._to.name, step=step)
        failpoint("in-check")
        yield
        self._report.steps.setdefault(step, "yes")

    def _answer(self, error: Stop) -> str:
        return str(error).removeprefix(f"{self._to.name}: ")


def _lost(name: str) -> Refused:
    return Refused(
        f"the server said yes, but no longer has the file {name}. It takes `.part` "
        "names as they arrive, or stores nothing. Ask the partner to leave names that "
        "end in .part alone."
    )
