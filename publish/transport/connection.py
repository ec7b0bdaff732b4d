"""The interface of all transports."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from publish.transport.destination import Destination
from publish.transport.digests import Digest, Sent
from runtime.exits import Refused

# Idle seconds before the first probe, seconds between probes, lost probes.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 30, "TCP_KEEPCNT": 4}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a partner's folder.

    Attributes:
        name: without folder.
        bytes: None if the server's listing has no sizes.
        modified: in UTC by the server's clock; None if the listing has no times.
        mode: permissions in octal, such as "0644"; None if the listing has none.
    """

    name: str
    bytes: int | None = None
    modified: datetime | None = None
    mode: str | None = None


class Connection(Protocol):
    """An open folder at a partner. Names are plain file names in that folder.

    Every method raises `Refused` if a person must act and `Temporary` if the same may
    succeed later, with the server's own text; see `publish.transport.errors`.
    """

    def put(self, source: Path, name: str, tick: Callable[[int], object]) -> Sent:
        """Send a file under `name`; `tick` is called with the size of every block."""

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file, in blocks."""

    def size(self, name: str) -> int | None:
        """Return the size in bytes, None if there is no such file."""

    def hash(self, name: str) -> Digest | None:
        """Return the server's own hash, None if it offers none."""

    def modified(self, name: str) -> datetime | None:
        """Return when a file was last changed, in UTC by the server's clock.

        None if there is no such file, or if the server does not say.
        """

    def mode(self, name: str) -> str | None:
        """Return a file's permissions in octal, such as "0644".

        None if there is no such file, or if the server does not say.
        """

    def set_mode(self, name: str, mode: str) -> None:
        """Give a file permissions in octal, such as "0644"."""

    def rename(self, old: str, new: str) -> None:
        """Give a file a name, replacing a file of that name."""

    def remove(self, name: str) -> None:
        """Remove a file; it is no error if there is none."""

    def list(self) -> list[str]:
        """Return the names in the folder."""

    def entries(self) -> Sequence[Entry]:
        """Return the files in the folder by name, with what the listing has."""

    def facts(self) -> Mapping[str, Any]:
        """Return what belongs in a receipt: server, TLS version, certificate check.

        `certificate_ends` is the certificate's last moment in UTC, such as
        "2026-12-28T09:00:00Z"; None without TLS and where it is not verified.
        """

    def close(self) -> None:
        """End the connection; never raises."""


def ensure_mode(connection: Connection, name: str, mode: str) -> None:
    """Give a file permissions, and check that the server did so.

    Raises:
        Refused: the server refuses, or ignores it without a word.
        Temporary: see `Connection`.
    """
    connection.set_mode(name, mode)
    now = connection.mode(name)
    if now not in (mode, None):
        raise Refused(
            f"{name}: expected the mode {mode}, the server said yes and has {now}. Ask "
            "the partner to let us set modes, or leave `mode` out of the exposure."
        )


def open_socket(destination: Destination) -> socket.socket:
    """Connect to a server by TCP.

    Firewalls forget a silent connection, so TCP's own probes keep it alive.

    Raises:
        OSError: the server cannot be reached.
    """
    address = (destination.host, destination.port)
    connected = socket.create_connection(address, destination.timeout)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connected
