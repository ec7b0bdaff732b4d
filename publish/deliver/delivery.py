"""Deliver a prepared file, and end what an earlier run left open."""

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from publish.deliver import copies
from publish.deliver.attempt import Attempt, Connect
from publish.deliver.reconcile import reconcile_open
from publish.deliver.retry import RetryPolicy, deliver_with_retries
from publish.prepare import PreparedFile
from publish.settings import Settings, format_utc
from publish.transport import Destination, connect
from publish.transport.connection import Connection
from runtime.environment import Environment
from runtime.exits import Misuse, Refused
from runtime.failpoints import failpoint
from runtime.files import HashedFile, remove_leftovers
from runtime.lock import directory_lock
from store import outbox
from store.copies import gap
from store.feeds import Feed
from store.ledger import Ledger, Record


def recover(settings: Settings, ledger: Ledger, feed: Feed) -> None:
    """End the attempts that an earlier run left open, before anything is built.

    This covers every feed whose deliveries change the same state of this partner: an
    attempt that is ended later would be taken for the newest. What another destination
    has is another state, and its server may be down.

    Raises:
        Refused: whether something was delivered cannot be known.
        Temporary: the server cannot be asked now.
    """
    same_state = {
        record["feed"]
        for record in ledger.all("intent")
        if record["state"]["model"] == feed.state.model
        and record["destination"] == feed.destination
    }
    for name in sorted(same_state | {feed.name}):
        _reconcile_feed(settings, ledger, name)
    # Only the last receipt of a file can be missing: every run begins here.
    last = {r["file"]: r for r in ledger.all("delivered") if r["feed"] == feed.name}
    for record in last.values():
        remove_leftovers(settings.place.outbox / record["file"] / record["run_id"])
        outbox.write_receipt(settings.place.outbox, record)


def deliver(settings: Settings, ledger: Ledger, prepared: PreparedFile) -> Record:
    """Send a prepared file; its manifest first, if the feed delivers that.

    Raises:
        Refused, Temporary: see `deliver_with_retries`; Refused also if these bytes
            were delivered for this period already, or if a file was written since it
            was hashed.
    """
    file, feed = prepared.file, prepared.file.feed
    if prepared.package is None:
        raise LookupError(f"{file.label} was not packed for delivery")
    period = format_utc(feed.cadence.last_due(settings.at))
    duplicate = ledger.same_bytes_delivered(
        feed.destination, file.label, period, file.sha256
    )
    place = (feed.state.model, feed.destination, file.split)
    # The same changes are new ones after others in between.
    again = settings.redelivery or gap(ledger, *place) or feed.delta
    if duplicate and not again:
        raise Refused(
            f"{feed.destination} got the same bytes as {duplicate['name']} at "
            f"{duplicate['at']}, and a different file since. Expected one delivery of "
            f"them for the period {period}. To send them again: "
            f'`publish {feed.name} --again --because "..."`.'
        )
    files = {prepared.package / file.path.name: file.hashed}
    if prepared.manifest_hashed and feed.manifest == "deliver":
        files = {prepared.package / prepared.manifest: prepared.manifest_hashed} | files
    files = copies.make_copies(settings.root, feed, files)
    intent = _intent(settings, prepared, files, period)
    return _send(settings, ledger, intent, files)


def send(
    settings: Settings, ledger: Ledger, intent: dict[str, Any], paths: Sequence[Path]
) -> Record:
    """Send what an intent says once more, from the files of its package.

    Raises:
        Refused, Temporary: see `deliver_with_retries`; Refused also if a file is not
            the one that was sent.
    """
    try:
        files = {path: HashedFile.read(path) for path in paths}
    except FileNotFoundError as error:
        raise Refused(
            f"expected {error.filename}, which was sent, found none. Nothing was sent. "
            "Restore it from a copy."
        ) from None
    for item, hashed in zip(intent["items"], files.values(), strict=True):
        if hashed.sha256 != item["sha256"]:
            raise Refused(
                f"{item['name']}: expected the bytes {item['sha256']} that were sent, "
                f"found {hashed.sha256}. Nothing was sent."
            )
    return _send(settings, ledger, intent, files)


def _send(
    settings: Settings,
    ledger: Ledger,
    intent: dict[str, Any],
    files: Mapping[Path, HashedFile],
) -> Record:
    name, folder = intent["destination"], intent["folder"]
    destination = Destination.read(settings.variables, name)
    policy = RetryPolicy.read(settings.variables, name)
    with destination_lock(settings.variables, destination, folder):
        record = deliver_with_retries(
            Attempt(ledger, _connect(settings), intent, [*files], settings.bar, files),
            policy,
        )
    outbox.write_receipt(settings.place.outbox, record)
    failpoint("after-receipt")
    return record


def new_attempt(run_id: str) -> str:
    """Name an attempt: no other run, here or elsewhere, may use its name of a part."""
    return f"{run_id}-{secrets.token_hex(3)}"


@contextmanager
def destination_lock(
    variables: Environment, destination: Destination, folder: str
) -> Iterator[None]:
    """Lock a folder at a destination while the block runs.

    Args:
        variables: FEEDS_LOCK_WAIT (0) is how many seconds to wait for the lock;
            XDG_STATE_HOME (~/.local/state) is the folder of the locks.
        destination: the server.
        folder: of the exposure.

    Raises:
        Misuse: there is no folder for locks that we may write.
        Temporary: another process is delivering there; names it, and since when.
    """
    address = "\n".join(
        (destination.server, destination.user, destination.path, folder.strip("/"))
    )
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", f"{destination.host or 'file'}{folder}")
    key = f"{readable.strip('-')}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"
    with directory_lock(
        _lock_folder(variables, key),
        f"a delivery to {destination.name}",
        variables.number("FEEDS_LOCK_WAIT", 0),
    ):
        yield


def _lock_folder(variables: Environment, key: str) -> Path:
    state = variables.optional("XDG_STATE_HOME")
    folder = Path(state or "~/.local/state") / "partner-feeds" / key
    try:
        folder = folder.expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (OSError, RuntimeError) as error:  # RuntimeError: the user has no home
        if getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Misuse(
            f"expected to write locks in {folder}, found: {error}. Set "
            "XDG_STATE_HOME to a folder that this user may write, the same for every "
            "data directory that delivers to this partner."
        ) from None
    return folder


def _reconcile_feed(settings: Settings, ledger: Ledger, feed: str) -> None:
    def locate(intent: Record, name: str) -> Path:
        folder = settings.place.outbox / str(intent["file"]) / str(intent["run_id"])
        return folder / name

    def reconcile() -> None:
        reconcile_open(ledger, _connect(settings), feed, locate, settings.at)

    open_intents = ledger.open_intents(feed)
    if not open_intents:
        return reconcile()  # an unknown outcome still stops the feed
    name, folder = open_intents[0]["destination"], open_intents[0]["folder"]
    destination = Destination.read(settings.variables, name)
    with destination_lock(settings.variables, destination, folder):
        return RetryPolicy.read(settings.variables, name).run(reconcile)


def _intent(
    settings: Settings,
    prepared: PreparedFile,
    files: Mapping[Path, HashedFile],
    period: str,
) -> dict[str, Any]:
    """Return the fields of the record that says what will be sent.

    `sha256` is of the content that the gates judged. Each item has the digest of what
    travels.
    """
    file, feed = prepared.file, prepared.file.feed
    attempt = new_attempt(prepared.run_id)
    intent: dict[str, Any] = {
        "attempt": attempt,
        "run_id": prepared.run_id,
        "feed": feed.name,
        "file": file.label,
        "split": file.split,
        "destination": feed.destination,
        "folder": feed.folder_in(settings.place.environment),
        "name": file.path.name,
        "sha256": file.sha256,
        "bytes": file.hashed.bytes,
        "rows": file.rows,
        "characters": prepared.characters,
        "logical": settings.logical_time,
        "period": period,
        "state": {"model": feed.state.model, "sha256": prepared.state_sha256},
        "package": prepared.digest,
        "build": prepared.build,
        "seconds": prepared.seconds,
        "items": _items(attempt, files),
        **copies.described(feed, files),
    }
    if file.values and file.values.number:
        intent["sequence"] = file.values.number
    if feed.mode:
        intent["mode"] = feed.mode
    if settings.redelivery:
        intent["again"] = {
            "by": settings.redelivery.by,
            "because": settings.redelivery.because,
        }
    return intent


def _items(attempt: str, files: Mapping[Path, HashedFile]) -> list[dict[str, Any]]:
    """Return what travels, in the order of `files`."""
    return [
        {
            "name": path.name,
            "part": f"{path.name}.{attempt}.part",
            "bytes": hashed.bytes,
            "sha256": hashed.sha256,
        }
        for path, hashed in files.items()
    ]


def _connect(settings: Settings) -> Connect:
    def connect_to(name: str, folder: str) -> Connection:
        return connect(Destination.read(settings.variables, name), folder)

    return connect_to
