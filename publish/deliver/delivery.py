"""A ready file handed to the partner: sent, remembered, its receipt kept."""

import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from publish.check import profile
from publish.check.profile import Checks
from publish.deliver.attempt import Connect, attempt_delivery, settle_open
from publish.deliver.retry import RetryPolicy
from publish.prepare import PreparedFile
from publish.settings import Settings, stamp
from publish.transport import Destination, connect
from publish.transport.connection import Connection
from runtime.environment import Environment
from runtime.exits import Refused
from runtime.failpoints import failpoint
from runtime.files import sha256_of, sweep
from runtime.lock import one_writer
from store import outbox, partner_state
from store.feeds import Feed
from store.ledger import Ledger, Record


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
        _settle(settings, ledger, name)
    partner_state.sync(ledger, settings.place.delivered)
    # Only the last one of a file can be without: each run begins here.
    last = {r["file"]: r for r in ledger.all("delivered") if r["feed"] == feed.name}
    for record in last.values():
        sweep(settings.place.outbox / record["file"] / record["run_id"])
        outbox.write_receipt(settings.place.outbox, record)


def _settle(settings: Settings, ledger: Ledger, feed: str) -> None:
    def locate(intent: Record, name: str) -> Path:
        folder = settings.place.outbox / str(intent["file"]) / str(intent["run_id"])
        return folder / name

    def settle() -> None:
        settle_open(ledger, _connecting(settings), feed, locate)

    open_ = ledger.open_intents(feed)
    if not open_:
        return settle()  # an end that is unknown still holds the feed
    with _turn(settings, open_[0]["destination"], open_[0]["folder"]):
        return RetryPolicy.of(settings.variables, open_[0]["destination"]).run(settle)


def deliver(settings: Settings, ledger: Ledger, ready: PreparedFile) -> Record:
    """Send a file that is ready, with its manifest before it if the feed says so.

    Raises:
        Refused, Temporary: see `publish.deliver.attempt`; Refused too if these bytes
            were delivered for this period already.
    """
    file, feed = ready.file, ready.file.feed
    if ready.package is None:
        raise LookupError(f"{file.label} was not packed for delivery")
    period = stamp(feed.cadence.last_due(settings.at))
    twin = ledger.twin(feed.destination, file.label, period, file.sha256)
    if twin and settings.again is None:
        raise Refused(
            f"{feed.destination} was given these very bytes as {twin['name']} at "
            f"{twin['at']}, and something else since. Expected one delivery of them "
            f"for the period {period}. If the partner shall have them again: "
            f'`publish {feed.name} --again --because "..."`.'
        )
    # Nobody else, not even a twin of this run elsewhere, may use the same part.
    attempt = f"{ready.run_id}-{secrets.token_hex(3)}"
    path = ready.package / file.path.name
    paths = [path]
    if feed.manifest == "deliver":
        paths.insert(0, ready.package / ready.manifest)
    folder = feed.folder_in(settings.place.environment)
    to = Destination.of(settings.variables, feed.destination)
    checked = Checks.of(settings.place.data).profile(to, folder)
    profile.require(checked, feed, path.name, ledger)
    intent: dict[str, Any] = {
        "attempt": attempt,
        "run_id": ready.run_id,
        "feed": feed.name,
        "file": file.label,
        "split": file.split,
        "destination": feed.destination,
        "folder": folder,
        "rename": feed.rename,
        "name": path.name,
        "sha256": file.sha256,
        "bytes": path.stat().st_size,
        "rows": file.rows,
        "logical": settings.logical_time,
        "period": period,
        "state": {"model": feed.state.model, "sha256": ready.state},
        "package": ready.digest,
        "seconds": ready.seconds,
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
    if checked:
        intent["checked"] = {"at": checked.at, "sha256": checked.sha256}
    if settings.again:
        intent["again"] = {"by": settings.again.by, "because": settings.again.because}
    with _turn(settings, feed.destination, folder):
        record = attempt_delivery(
            ledger,
            _connecting(settings),
            intent,
            paths,
            settings.bar,
            RetryPolicy.of(settings.variables, feed.destination),
        )
    partner_state.sync(ledger, settings.place.delivered)
    outbox.write_receipt(settings.place.outbox, record)
    failpoint("after-receipt")
    return record


def _turn(
    settings: Settings, destination: str, folder: str
) -> AbstractContextManager[None]:
    to = Destination.of(settings.variables, destination)
    return destination_lock(settings.variables, to, folder)


def _connecting(settings: Settings) -> Connect:
    def open_(name: str, folder: str) -> Connection:
        return connect(Destination.of(settings.variables, name), folder)

    return open_


@contextmanager
def destination_lock(
    variables: Environment, destination: Destination, folder: str
) -> Iterator[None]:
    """Hold the folder of an exposure at a destination while the block runs.

    Args:
        variables: FEEDS_LOCK_WAIT (0) is how many seconds to wait for the other one;
            XDG_STATE_HOME (~/.local/state) is where the locks lie.
        destination: the server.
        folder: of the exposure.

    Raises:
        Temporary: somebody else is delivering there; names who, and since when.
    """
    state = variables.optional("XDG_STATE_HOME")
    locks = Path(state) if state else Path.home() / ".local" / "state"
    address = "\n".join(
        (destination.server, destination.user, destination.path, folder.strip("/"))
    )
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", f"{destination.host or 'file'}{folder}")
    key = f"{plain.strip('-')}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"
    with one_writer(
        locks / "partner-feeds" / key,
        f"a delivery to {destination.name}",
        variables.number("FEEDS_LOCK_WAIT", 0),
    ):
        yield
