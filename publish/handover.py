"""A ready file handed to the partner: sent, remembered, its receipt kept."""

import secrets

from publish.deliver import Connection, Destination, connect
from publish.deliver.dispatch import dispatch, settle_open
from publish.feeds import Feed
from publish.ledger import Ledger, Record, state
from publish.package import outbox
from publish.prepare import Ready
from publish.settings import Settings, stamp
from runtime.files import sha256_of


def recover(settings: Settings, ledger: Ledger, feed: Feed) -> None:
    """Settle what an earlier run left open, before anything new is made.

    Of every feed that sets what the partner holds of the same model: one that is
    settled late would be taken for the newest.

    Raises:
        Refused: whether something was delivered cannot be known.
        Temporary: the server cannot be asked now.
    """
    kin = {
        record["feed"]
        for record in ledger.all("intent")
        if record["state"]["model"] == feed.state.model
    }
    for name in sorted(kin | {feed.name}):
        settle_open(ledger, lambda name, folder: _open(settings, name, folder), name)
    state.sync(ledger, settings.place.delivered)
    for record in ledger.all("delivered"):
        if record["feed"] == feed.name:
            outbox.write_receipt(settings.place.outbox, record)


def deliver(settings: Settings, ledger: Ledger, ready: Ready) -> Record:
    """Send a file that is ready, with its manifest before it if the feed says so.

    Raises:
        Refused, Temporary: see `publish.deliver.dispatch`.
    """
    file, feed = ready.file, ready.file.feed
    if ready.package is None:
        raise LookupError(f"{file.label} was not packed for delivery")
    # Nobody else, not even a twin of this run elsewhere, may use the same part.
    attempt = f"{ready.run_id}-{secrets.token_hex(3)}"
    path = ready.package / file.path.name
    paths = [path]
    if feed.manifest == "deliver":
        paths.insert(0, ready.package / ready.manifest)
    intent = {
        "attempt": attempt,
        "run_id": ready.run_id,
        "feed": feed.name,
        "file": file.label,
        "split": file.split,
        "destination": feed.destination,
        "folder": feed.folder_in(settings.place.environment),
        "rename": feed.rename,
        "name": path.name,
        "sha256": file.sha256,
        "bytes": path.stat().st_size,
        "rows": file.rows,
        "logical": settings.logical_time,
        "period": stamp(feed.cadence.last_due(settings.at)),
        "state": {"model": feed.state.model, "sha256": ready.state},
        "package": ready.digest,
        "items": [
            {
                "name": item.name,
                "part": f"{item.name}.{attempt}.part",
                "bytes": item.stat().st_size,
                "sha256": sha256_of(item),
            }
            for item in paths
        ],
    }
    record = dispatch(
        ledger,
        lambda name, folder: _open(settings, name, folder),
        intent,
        paths,
        settings.bar,
    )
    state.sync(ledger, settings.place.delivered)
    outbox.write_receipt(settings.place.outbox, record)
    return record


def _open(settings: Settings, name: str, folder: str) -> Connection:
    return connect(Destination.of(settings.variables, name), folder)
