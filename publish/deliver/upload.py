"""The steps of an upload: send parts, check them, rename them, check again.

A partner sees the complete file or none. The file is sent under a part name that only
this attempt uses. It gets its name after the server has reported the right size, and
the right hash if the server offers one.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from typing import Any

from tqdm import tqdm

from publish.deliver.attempt import Attempt, Item
from publish.transport import Digest, Sent
from publish.transport.connection import Connection, ensure_mode
from runtime.exits import Refused, Stop, Temporary
from runtime.failpoints import failpoint
from runtime.log import LOG

# tqdm's default lock works between processes, and starts a process for that.
tqdm.set_lock(RLock())
# NAME.<run id>-<token>.part, as `delivery` names it; -2 for a second try.
_PART = re.compile(
    r".+\.(?P<attempt>\d{8}T\d{6}Z-[0-9a-f]{8}(?:-\d+)?-[0-9a-f]{6}(?:-\d+)?)\.part"
)


class Mismatch(Temporary):
    """The server has other bytes than were sent; such a part is never renamed."""


def upload(attempt: Attempt) -> dict[str, Any]:
    """Deliver all items of an attempt; return what belongs in the receipt.

    Raises:
        Refused, Temporary: parts may be at the partner if `attempt.connected`; files
            too if `attempt.placing`.
    """
    with attempt.connection() as connection:
        attempt.connected = True
        attempt.check_files()
        sent = [_send(connection, item, attempt) for item in attempt.items]
        attempt.record_placing()
        files = []
        # Nothing gets its name before what precedes it was compared: not a marker.
        for item, what in zip(attempt.items, sent, strict=True):
            rename_to_final(connection, item)
            files.append(_check_placed(connection, item, what))
        parts = remove_orphaned_parts(
            connection, lambda name: attempt.ledger.outcome(name) is not None
        )
        facts = {**connection.facts(), "files": files}
        return {**facts, "parts": parts} if parts else facts


def rename_to_final(connection: Connection, item: Item) -> None:
    """Rename a part to the name of its file; first it gets the mode of the feed."""
    failpoint("before-rnto")
    if item.mode:
        ensure_mode(connection, item.part, item.mode)
    connection.rename(item.part, item.name)
    failpoint("after-rnto")


def remove_parts(connection: Connection, attempt: Attempt) -> None:
    """Remove the parts of an attempt."""
    for item in attempt.items:
        # A server that forbids removing may have refused the upload as well.
        if connection.size(item.part) is not None:
            connection.remove(item.part)


def remove_orphaned_parts(
    connection: Connection, ended: Callable[[str], bool]
) -> dict[str, list[str]]:
    """Remove parts of attempts that ended according to our ledger.

    Parts of attempts that our ledger does not know may belong to a run on another
    machine: they are reported and stay. Files with other names are ignored.

    Args:
        connection: the folder; its errors are logged, for no delivery depends on this.
        ended: whether our ledger has the end of an attempt.

    Returns:
        The names under "removed" and "left"; no key without names.
    """
    parts: dict[str, list[str]] = {"removed": [], "left": []}
    try:
        for name in connection.list():
            match = _PART.fullmatch(name)
            if match and ended(match["attempt"]):
                connection.remove(name)
                parts["removed"].append(name)
            elif match:
                parts["left"].append(name)
    except Stop as error:
        LOG.warning("orphaned parts not removed", because=error)
    for what, names in parts.items():
        if names:
            LOG.warning("orphaned parts", outcome=what, count=len(names), part=names[0])
    return {what: names for what, names in parts.items() if names}


def _send(connection: Connection, item: Item, attempt: Attempt) -> Sent:
    with tqdm(
        total=item.bytes, unit="B", unit_scale=True, desc=item.name,
        disable=not attempt.bar, leave=False,
    ) as progress:  # fmt: skip

        def tick(size: int) -> None:
            failpoint("in-stor")
            progress.update(size)

        sent = connection.put(item.path, item.part, tick)
    attempt.confirmed.add(item.part)
    failpoint("after-stor")
    if (sent.bytes, sent.sha256) != (item.bytes, item.sha256):
        raise Refused(
            f"{item.path} changed after its gates: expected {item.bytes} bytes "
            f"{item.sha256}, sent {sent.bytes} bytes {sent.sha256}"
        )
    _compare(connection, item.part, sent)
    LOG.info("sent", part=item.part, bytes=sent.bytes)
    return sent


def _compare(
    connection: Connection, name: str, sent: Sent
) -> tuple[int | None, Digest | None]:
    """Return a file's size and hash (None if not offered) if they are ours.

    Raises:
        Mismatch: they are not.
    """
    size, digest = connection.size(name), None
    if size == sent.bytes:
        digest = connection.hash(name)
    if size != sent.bytes or (digest is not None and sent.agrees(digest) is False):
        raise Mismatch(
            f"{name}: expected {sent.bytes} bytes {sent.sha256}, the server has "
            f"{size} bytes {digest or '(hash not asked)'}. Try again later."
        )
    return size, digest


def _check_placed(connection: Connection, item: Item, sent: Sent) -> dict[str, Any]:
    size, digest = None, None
    try:
        size, digest = _compare(connection, item.name, sent)
    except Mismatch:
        # A partner's pick-up job may take a file within the second; anything else
        # under its name, or a part that is still there, is not what we sent.
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
