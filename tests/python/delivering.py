"""What the tests of transports share: a connection to a server of the lab."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from publish.deliver import Connection, Destination, connect
from runtime.environment import Environment

CONTENT = b"a,b\n1,2\n" * 40_000  # five blocks
ODD_NAME = "Größe 1 & 2.csv"


class Partner(Protocol):
    """A server of the lab, or the scripted one."""

    def variables(self, destination: str = "ONPART") -> dict[str, str]: ...


def destination(to: Partner, **more: str) -> Destination:
    """A destination there; `TIMEOUT="5"` sets DEST_ONPART_TIMEOUT."""
    changed = {f"DEST_ONPART_{name}": text for name, text in more.items()}
    patient = {"DEST_ONPART_ALLOW_PLAINTEXT": "1", "DEST_ONPART_TIMEOUT": "10"}
    given = {**patient, **to.variables(), **changed}
    return Destination.of(Environment(given), "onpart")


@contextmanager
def opened(to: Partner, folder: str = "", **more: str) -> Iterator[Connection]:
    """A connection there, closed in the end."""
    connection = connect(destination(to, **more), folder)
    try:
        yield connection
    finally:
        connection.close()


def ignore(size: int) -> None:
    """A tick that shows nothing."""
