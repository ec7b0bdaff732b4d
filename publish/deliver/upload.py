"""The order in which a delivery is safe: part, check, rename, check again.

A partner sees a file whole or not at all, because it takes its name only after its
size (and hash, where offered) was found right under a name of this attempt alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from tqdm import tqdm

from publish.transport import Digest, Sent
from publish.transport.connection import Connection
from runtime.command import LOG
from runtime.exits import Refused, Stop, Temporary
from runtime.failpoints import failpoint

Open = Callable[[], Connection]
# Its own lock is one between processes, for which it would start another process.
tqdm.set_lock(RLock())


@dataclass(frozen=True, slots=True)
class Item:
    """One file to deliver, and both names it has at the partner."""

    path: Path
    name: str
    part: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What goes out together, the feed itself last: its name says that all is there."""

    items: tuple[Item, ...]


@dataclass(slots=True)
class Progress:
    """How far an attempt got: what may lie at the partner if it ends now.

    Attributes:
        started: the first part may be there. Whether the first rename may have
            happened, the ledger knows.
    """

    started: bool = False


class Mismatch(Temporary):
    """What the server has is not what was sent; a part like that is never renamed."""


@contextmanager
def opened(connect: Open) -> Iterator[Connection]:
    """Hold a connection while the block runs."""
    failpoint("before-connect")
    connection = connect()
    try:
        failpoint("after-login")
        yield connection
    finally:
        connection.close()


def send(
    connect: Open,
    delivery: Delivery,
    placing: Callable[[], object],
    bar: bool,
    progress: Progress | None = None,
    tidy: Callable[[Connection], Mapping[str, Any]] = lambda connection: {},
) -> dict[str, Any]:
    """Deliver all items; return what belongs in the receipt.

    Args:
        connect: opens the partner's folder anew.
        delivery: what to send.
        placing: called once, before the first rename. If an error comes after it,
            only `settle` can tell how the attempt ended.
        bar: show a progress bar.
        progress: told how far it got; after an error it says what has to be settled.
        tidy: called after the last check, with the connection; its result belongs to
            the receipt.

    Raises:
        Refused, Temporary: parts may lie at the partner; see `progress`.
    """
    progress = progress if progress is not None else Progress()
    with opened(connect) as connection:
        progress.started = True
        sent = [(item, _put(connection, item, bar)) for item in delivery.items]
        placing()
        for item in delivery.items:
            place(connection, item)
        seen = [_seen(connection, item, what) for item, what in sent]
        return {**connection.facts(), "files": seen, **tidy(connection)}


def clear(connection: Connection, delivery: Delivery) -> None:
    """Remove our own parts, never anybody else's."""
    for item in delivery.items:
        connection.remove(item.part)


def _put(connection: Connection, item: Item, bar: bool) -> Sent:
    with tqdm(
        total=item.bytes, unit="B", unit_scale=True, desc=item.name, disable=not bar,
        leave=False,
    ) as progress:  # fmt: skip

        def tick(size: int) -> None:
            failpoint("in-stor")
            progress.update(size)

        sent = connection.put(item.path, item.part, tick)
    failpoint("after-stor")
    if (sent.bytes, sent.sha256) != (item.bytes, item.sha256):
        raise Refused(
            f"{item.path} changed after its gates: expected {item.bytes} bytes "
            f"{item.sha256}, sent {sent.bytes} bytes {sent.sha256}"
        )
    _compare(connection, item.part, sent)
    LOG.info(f"sent part={item.part} bytes={sent.bytes}")
    return sent


def _compare(
    connection: Connection, name: str, sent: Sent
) -> tuple[int | None, Digest | None]:
    """Return size and hash (None if not offered), or raise if they are not ours."""
    size, digest = connection.size(name), None
    if size == sent.bytes:
        digest = connection.hash(name)
    if size != sent.bytes or (digest is not None and sent.agrees(digest) is False):
        raise Mismatch(
            f"{name}: expected {sent.bytes} bytes {sent.sha256}, the server has "
            f"{size} bytes {digest or '(hash not asked)'}. Try again later."
        )
    return size, digest


def place(connection: Connection, item: Item) -> None:
    """Give a part its name."""
    failpoint("before-rnto")
    connection.rename(item.part, item.name)
    failpoint("after-rnto")


def _seen(connection: Connection, item: Item, sent: Sent) -> dict[str, Any]:
    size, digest = None, None
    try:
        size, digest = _compare(connection, item.name, sent)
    except Mismatch:
        # A partner's pick-up job may take a file within the second; anything else
        # under its name, or a part still there, is not what we sent.
        if connection.size(item.name) is not None:
            raise
        if connection.size(item.part) is not None:
            raise Refused(
                f"the server said that {item.part} is now {item.name}, but it is not"
            ) from None
    return {
        "name": item.name,
        "bytes": item.bytes,
        "sha256": item.sha256,
        "remote_bytes": size,
        "remote_hash": str(digest) if digest else None,
        "rechecked": size is not None,
        "mode": _mode(connection, item.name),
    }


def _mode(connection: Connection, name: str) -> str | None:
    # The delivery does not depend on it.
    with suppress(Stop):
        return connection.mode(name)
    return None


# NAME.<run id>-<token>.part, as `delivery` makes it; -2 for a second try.
_PART = re.compile(
    r".+\.(?P<attempt>\d{8}T\d{6}Z-[0-9a-f]{8}(?:-\d+)?-[0-9a-f]{6}(?:-\d+)?)\.part"
)


def remove_orphaned_parts(
    connection: Connection, ended: Callable[[str], bool]
) -> dict[str, list[str]]:
    """Remove parts of attempts that our ledger knows to have ended.

    Parts that look like ours, but of an attempt that our ledger does not know, may
    belong to a run of another machine: they are reported and left. All other names
    are none of our business.

    Args:
        connection: the folder; an error of it is logged, for nothing depends on this.
        ended: whether an attempt is in our ledger, and its end too.

    Returns:
        The names under "removed" and "left", without those that are empty.
    """
    found: dict[str, list[str]] = {"removed": [], "left": []}
    try:
        for name in connection.list():
            part = _PART.fullmatch(name)
            if part and ended(part["attempt"]):
                connection.remove(name)
                found["removed"].append(name)
            elif part:
                found["left"].append(name)
    except Stop as stop:
        LOG.warning(f"the partner's folder was not swept: {stop}")
    for fate, names in found.items():
        if names:
            LOG.warning(f"parts {fate}={len(names)} such as={names[0]}")
    return {fate: names for fate, names in found.items() if names}
