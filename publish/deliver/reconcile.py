"""Find out how an attempt ended, by what is in the partner's folder, and finish it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

from publish.deliver.attempt import Attempt, Connect, Item, record_outcome
from publish.deliver.upload import Mismatch, remove_parts, rename_to_final
from publish.transport import Digest, Sent
from publish.transport.connection import Connection
from publish.transport.digests import hash_file
from runtime.exits import Refused, Stop, Temporary
from runtime.log import LOG
from store import holds
from store.ledger import Ledger, Record, name_at_partner

Outcome = Literal["delivered", "failed", "unknown"]
# Returns the path on this side of an item of an intent: (intent, name) -> path.
Locate = Callable[[Record, str], Path]


def reconcile(attempt: Attempt, error: Stop | None = None) -> Record:
    """End an attempt by what is at the partner; return the record of its outcome.

    Args:
        attempt: recorded as begun, not as ended.
        error: what broke it off; None if its process ended.

    Raises:
        Refused, Temporary: the partner cannot be asked; the attempt stays open.
    """
    try:
        with attempt.connection() as connection:
            part = _taken_part(connection, attempt)
            outcome = "unknown" if part else _outcome(connection, attempt, error)
            unmarked = _unmarked(connection, attempt) if outcome == "delivered" else ""
            facts = dict(connection.facts())
    except (Refused, Temporary) as stop:
        before = f"{error} Then: " if error else ""
        kind = Refused if isinstance(stop, Refused) else Temporary
        raise kind(
            f"{before}{name_at_partner(attempt.intent)} was being sent to "
            f"{attempt.intent['destination']}, and whether it arrived cannot be "
            f"checked now: {stop} The next try or run checks this first."
        ) from None
    if outcome == "delivered" and not unmarked:
        return attempt.end(outcome, receipt={**facts, "settled": True})
    why = str(error or "an earlier run ended before it was done")
    if unmarked:
        return attempt.end("unknown", why=why, unmarked=unmarked)
    lost = {"taken": part} if part else {}
    return attempt.end(outcome, why=why, **lost)


def reconcile_open(
    ledger: Ledger,
    connect: Connect,
    feed: str,
    locate: Locate = lambda intent, name: Path(name),
    at: datetime | None = None,
) -> None:
    """End every attempt of a feed that an earlier process left open.

    What was not renamed of a file that is on hold at the logical time `at` is removed.

    Raises:
        Refused: how one ended, now or earlier, cannot be known.
        Temporary: the server cannot be asked now.
    """
    for intent in ledger.open_intents(feed):
        paths = [locate(intent, item["name"]) for item in intent["items"]]
        error = None
        if at and (hold := holds.active(ledger, feed, intent["file"], at)):
            error = Refused(f"The file is {holds.sentence(hold)}.")
        record = reconcile(Attempt(ledger, connect, intent, paths), error)
        LOG.info(
            "settled",
            file=intent.get("file"),
            feed=feed,
            run_id=intent.get("run_id"),
            attempt=intent["attempt"],
            outcome=record["event"],
        )
    for record in ledger.unknown(feed):
        raise unknown_outcome(record)


def settle_unknown(
    ledger: Ledger, attempt_id: str, delivered: bool, by: str, because: str
) -> Record:
    """Record what a person found out about an attempt whose outcome is unknown.

    Raises:
        Refused: the outcome of that attempt is not unknown.
    """
    records = ledger.attempt(attempt_id)
    intent = next((record for record in records if record["event"] == "intent"), None)
    outcome = ledger.outcome(attempt_id)
    if intent is None or outcome is None or outcome["event"] != "unknown":
        raise Refused(
            f"expected an attempt whose end is unknown, found {attempt_id!r} "
            f"{outcome['event'] if outcome else 'not in the ledger'}. `publish status` "
            "lists them."
        )
    answer = {"by": by, "because": because.strip()}
    if delivered:
        receipt = {"told": answer}
        return record_outcome(ledger, intent, "delivered", receipt=receipt, **answer)
    return record_outcome(ledger, intent, "failed", why=because.strip(), **answer)


def unknown_outcome(record: Record) -> Refused:
    """Return the refusal of all further deliveries of a feed, with what to do."""
    cause = (
        "neither it nor its part is there as sent. The partner may have picked it up."
    )
    if part := record.get("taken"):
        cause = (
            f"the server confirmed {part} and no longer has it. It takes `.part` "
            "names as they arrive, or stores nothing. Ask the partner to leave names "
            "that end in .part alone."
        )
    if marker := record.get("unmarked"):
        cause = (
            f"the file is there, and its marker {marker} is not: the server refuses "
            "that name. Ask the partner to allow it, or to take this file without it."
        )
    return Refused(
        f"whether {name_at_partner(record)} (attempt {record['attempt']}) reached "
        f"{record['destination']} is unknown: {cause} Nothing more of "
        f"{record['feed']} is sent until a person has asked the partner and run "
        f"`publish settle {record['attempt']} --as delivered|not-delivered "
        "--because ...`."
    )


def _taken_part(connection: Connection, attempt: Attempt) -> str | None:
    """Return a part that the server confirmed before any rename and no longer has.

    The other parts are removed. Sending again would give such a partner a second copy.
    """
    if attempt.placing:
        return None
    for item in attempt.items:
        if item.part in attempt.confirmed and connection.size(item.part) is None:
            remove_parts(connection, attempt)
            return item.part
    return None


def _outcome(connection: Connection, attempt: Attempt, error: Stop | None) -> Outcome:
    if not attempt.placing:
        # If only the reply to the upload was lost, the parts are complete: rename them.
        # A server that always loses that reply would never get a file otherwise.
        may_be_whole = error is None or (
            isinstance(error, Temporary) and not isinstance(error, Mismatch)
        )
        if not may_be_whole or not all(
            _is_ours(connection, item, item.part) for item in attempt.items
        ):
            remove_parts(connection, attempt)
            return "failed"
        attempt.record_placing()
    return _finish_placing(connection, attempt)


def _finish_placing(connection: Connection, attempt: Attempt) -> Outcome:
    """Finish the renames of an attempt.

    | part         | name             | means                     | outcome   |
    |--------------|------------------|---------------------------|-----------|
    | as ours      | any              | the rename is missing     | rename    |
    | there, other | any              | the upload is incomplete  | failed    |
    | gone         | as ours          | done                      | delivered |
    | gone         | missing or other | picked up, or never there | unknown   |

    "As ours" means our size, and our hash by whatever algorithm the server offers.
    The outcome is that of the file itself; it gets no name if an item before it has
    failed. After `failed` no part of ours is left there. A marker gets its name
    afterwards, by `_unmarked`.
    """
    outcome: Outcome = "unknown"
    for item in attempt.file_items:
        outcome = _finish_item(connection, item)
        if outcome == "failed":
            remove_parts(connection, attempt)
            break
    return outcome


def _unmarked(connection: Connection, attempt: Attempt) -> str:
    """Give the marker of a delivered file its name; return it if that is refused.

    A marker without a part has its name, or the partner has taken it: all parts were
    there before the first rename.
    """
    for item in attempt.markers:
        if connection.size(item.part) is None:
            continue
        try:
            rename_to_final(connection, item)
        except (Refused, Temporary) as error:
            LOG.warning("rename refused", part=item.part, because=error)
        if connection.size(item.part) is not None:
            return item.name
    return ""


def _finish_item(connection: Connection, item: Item) -> Outcome:
    if connection.size(item.part) is not None:
        # Before the rename: afterwards the partner would have what is not ours.
        whole = _is_ours(connection, item, item.part)
        renamed = False
        try:
            if whole:
                rename_to_final(connection, item)
                renamed = True
        except (Refused, Temporary) as error:
            # One server calls missing rights temporary. If the connection is broken,
            # the next question raises that.
            LOG.warning("rename refused", part=item.part, because=error)
        if connection.size(item.part) is not None:
            connection.remove(item.part)
            # s3:// copies, so that the file may have its name all the same.
            if not renamed or not _is_ours(connection, item, item.name):
                return "failed"
    return "delivered" if _is_ours(connection, item, item.name) else "unknown"


def _is_ours(connection: Connection, item: Item, name: str) -> bool:
    """Say whether a file there has our size, and our hash where one is offered."""
    if connection.size(name) != item.bytes:
        return False
    digest = connection.hash(name)
    return digest is None or _agrees(item, digest)


def _agrees(item: Item, digest: Digest) -> bool:
    """Say whether a server hashed our bytes; False if that cannot be compared."""
    agrees = Sent(item.bytes, item.sha256).agrees(digest)
    if agrees is not None:
        return agrees
    # By another algorithm than the ledger's: hash our file, if it is what was sent.
    if item.path.is_file():
        sent = hash_file(item.path, digest.algorithm)
        if sent.sha256 == item.sha256:
            return sent.agrees(digest) is True
    LOG.warning(
        "file at the partner not accepted as ours",
        name=item.name,
        path=item.path,
        because=f"the server hashes by {digest.algorithm}, and this file is gone or "
        "changed, so that it cannot be hashed in the same way",
    )
    return False
