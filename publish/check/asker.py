"""Asking a server one thing after another, over a connection that is renewed."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from publish.check.opening import Probe, open_probe
from publish.transport import Destination, Sent
from publish.transport.errors import ServerUnavailable
from runtime.exits import Refused, Stop
from runtime.failpoints import failpoint

T = TypeVar("T")
_AGREED = "the server agreed, but did something else"


class Asker:
    """A server that may say no: its words are kept, and it is asked the next thing.

    Attributes:
        said: the server's words, by finding.
    """

    def __init__(self, to: Destination, folder: str, said: dict[str, str]) -> None:
        self.said = said
        self._to, self._folder = to, folder
        self._connection: Probe | None = None
        self._source = Path()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Keep a place for what is sent, and close the connection in the end."""
        with tempfile.TemporaryDirectory() as place:
            self._source = Path(place) / "probe"
            try:
                yield
            finally:
                self._drop()

    def put(self, finding: str, name: str, content: bytes) -> Sent | None:
        """Send a file; None where the server says no."""
        self._source.write_bytes(content)
        return self.ask(finding, lambda at: at.put(self._source, name, _tick))

    def agrees(self, finding: str, action: Callable[[Probe], bool]) -> bool:
        """Say whether something was done, and was what was asked for."""
        answer = self.ask(finding, action)
        if answer is False:
            self.said.setdefault(finding, _AGREED)
        return bool(answer)

    def ask(self, finding: str, action: Callable[[Probe], T]) -> T | None:
        """Do something; None where the server says no.

        Raises:
            Temporary: the connection broke, or the server goes: no answer to this.
        """
        try:
            if self._connection is None:
                self._connection = open_probe(self._to, self._folder)
            return action(self._connection)
        except Refused as stop:
            self._drop()
            self.said[finding] = self._words(stop)
        except ServerUnavailable as stop:
            self._drop()
            if stop.reply == 421 or (stop.reply is None and stop.retry == "soon"):
                raise
            self.said[finding] = self._words(stop)
        return None

    def _words(self, stop: Stop) -> str:
        """Return what the server said, without advice for a delivery."""
        text = str(stop).removeprefix(f"{self._to.name}: ")
        for advice in (" This will not pass by itself.", " Try again later."):
            text = text.removesuffix(advice)
        return text.rstrip(".")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _tick(size: int) -> None:
    failpoint("in-check-stor")
