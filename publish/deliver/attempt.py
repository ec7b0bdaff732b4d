"""An attempt whose end is not in the ledger yet: ended by looking, or by a person."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from publish.deliver import upload
from publish.deliver.reconcile import settle, settle_upload
from publish.deliver.retry import RetryPolicy
from publish.deliver.upload import (
    Delivery,
    Item,
    Mismatch,
    Progress,
    clear,
    opened,
    send,
)
from publish.transport.connection import Connection
from runtime.clock import Stopwatch, time_limit
from runtime.command import LOG
from runtime.exits import Refused, Stop, Temporary
from store.ledger import Ledger, Record

# Opens the folder of a destination: (destination, folder) -> connection.
Connect = Callable[[str, str], Connection]
# Says where the file of an item lies on this side: (intent, name) -> path.
Locate = Callable[[Record, str], Path]
# What an outcome repeats of its intent, so that it can be read alone.
_KEPT = ("attempt", "run_id", "feed", "file", "split", "destination", "name", "sha256",
         "bytes", "rows", "logical", "period", "state", "package", "try",
         "again", "seconds")  # fmt: skip


def settle_open(
    ledger: Ledger,
    connect: Connect,
    feed: str,
    locate: Locate = lambda intent, name: Path(name),
) -> None:
    """End every intent of a feed that an earlier process left open, by looking.

    Raises:
        Refused: how one ended, now or earlier, cannot be known.
        Temporary: the server cannot be asked now.
    """
    for intent in ledger.open_intents(feed):
        paths = [locate(intent, item["name"]) for item in intent["items"]]
        ended = look(ledger, connect, intent, paths, None)
        LOG.info(f"settled attempt={intent['attempt']} as={ended['event']}")
    for record in ledger.unknown(feed):
        raise Refused(unknown(record))


def settle_unknown(
    ledger: Ledger, attempt: str, delivered: bool, by: str, because: str
) -> Record:
    """Record what a person found out about an attempt whose end was unknown.

    Raises:
        Refused: the end of that attempt is not unknown.
    """
    intent = next((r for r in ledger.attempt(attempt) if r["event"] == "intent"), None)
    ended = ledger.outcome(attempt)
    if intent is None or ended is None or ended["event"] != "unknown":
        raise Refused(
            f"expected an attempt whose end is unknown, found {attempt!r} "
            f"{ended['event'] if ended else 'not in the ledger'}. `publish status` "
            "lists them."
        )
    told = {"by": by, "because": because.strip()}
    if delivered:
        return end(ledger, intent, "delivered", receipt={"told": told}, **told)
    return end(ledger, intent, "failed", why=because.strip(), **told)


def look(
    ledger: Ledger,
    connect: Connect,
    intent: Record,
    paths: list[Path],
    error: Stop | None,
) -> Record:
    """Settle an attempt over a fresh connection; its outcome goes into the ledger.

    Raises:
        Refused, Temporary: the partner cannot be asked; the intent stays open.
    """
    delivery = delivery_of(intent, paths)
    try:
        with opened(opening(connect, intent)) as connection:
            if placed(ledger, intent):
                outcome = settle(connection, delivery)
            elif error is None or _reply_lost(error):
                outcome = settle_upload(
                    connection, delivery, lambda: placing(ledger, intent)
                )
            else:
                clear(connection, delivery)
                outcome = "failed"
            facts = dict(connection.facts())
    except (Refused, Temporary) as stop:
        before = f"{error} Then: " if error else ""
        kind = Refused if isinstance(stop, Refused) else Temporary
        raise kind(
            f"{before}{intent['name']} was on its way to {intent['destination']}, and "
            f"how that ended cannot be seen now: {stop} The next try or run looks "
            "first."
        ) from None
    if outcome == "delivered":
        return end(ledger, intent, outcome, receipt={**facts, "settled": True})
    why = str(error or "an earlier run ended before it was done")
    return end(ledger, intent, outcome, why=why)


def _reply_lost(error: Stop) -> bool:
    """Say whether the upload may be whole all the same."""
    return isinstance(error, Temporary) and not isinstance(error, Mismatch)


def opening(connect: Connect, intent: Record) -> Callable[[], Connection]:
    """Return what opens the folder of an intent."""
    return lambda: connect(intent["destination"], intent["folder"])


def delivery_of(intent: Record, paths: list[Path]) -> Delivery:
    """Return what an intent sends, with the file of each item on this side."""
    return Delivery(
        tuple(
            Item(path, item["name"], item["part"], item["bytes"], item["sha256"])
            for path, item in zip(paths, intent["items"], strict=True)
        )
    )


def placing(ledger: Ledger, intent: Record) -> None:
    """Record that from here on the partner may see the file."""
    ledger.append("placing", attempt=intent["attempt"], feed=intent["feed"])


def placed(ledger: Ledger, intent: Record) -> bool:
    """Say whether the partner may have seen the file."""
    return any(r["event"] == "placing" for r in ledger.attempt(intent["attempt"]))


def end(ledger: Ledger, intent: Record, event: str, **fields: Any) -> Record:
    """Record how an attempt ended."""
    kept = {name: intent[name] for name in _KEPT if name in intent}
    return ledger.append(event, **{**kept, **fields})


def unknown(record: Record) -> str:
    """Say what to do about an end that nobody can tell."""
    return (
        f"whether {record['name']} (attempt {record['attempt']}) reached "
        f"{record['destination']} is unknown: neither it nor its part is there as "
        "sent. The partner may have picked it up. Nothing more of "
        f"{record['feed']} is sent until a person asked the partner and said "
        f"`publish settle {record['attempt']} --as delivered|not-delivered "
        "--because ...`."
    )


# An orchestrator that sent SIGTERM kills after 20 to 30 seconds.
_LAST_SECONDS = 12


def attempt_delivery(
    ledger: Ledger,
    connect: Connect,
    intent: dict[str, Any],
    paths: list[Path],
    bar: bool,
    patience: RetryPolicy | None = None,
) -> Record:
    """Deliver what `intent` says and return the ledger's record of the delivery.

    Args:
        ledger: the memory; its lock is held.
        connect: opens a destination.
        intent: the fields of the record, with `attempt` and `items` (name, part,
            bytes, sha256).
        paths: the local file of each item.
        bar: show a progress bar.
        patience: how often to try; default once.

    Raises:
        Refused, Temporary: it was not delivered, or nobody can tell; the message and
            the ledger say which.
    """
    tries: list[dict[str, str]] = []

    def one() -> Record:
        mine = _numbered(intent, len(tries) + 1)
        try:
            # Nothing is sent while the end of an earlier try is open.
            if record := _made_up_for(ledger, connect, intent, paths):
                return record
            return _once(ledger, connect, mine, paths, bar, tries)
        except Stop as stop:
            tries.append({"attempt": mine["attempt"], "why": str(stop)})
            raise

    return (patience or RetryPolicy()).run(one)


def _once(
    ledger: Ledger,
    connect: Connect,
    intent: dict[str, Any],
    paths: list[Path],
    bar: bool,
    tries: list[dict[str, str]],
) -> Record:
    ledger.append("intent", **intent)
    progress = Progress()
    watch = Stopwatch(intent.get("seconds"))
    try:
        receipt = send(
            lambda: connect(intent["destination"], intent["folder"]),
            delivery_of(intent, paths),
            lambda: placing(ledger, intent),
            bar,
            progress,
            lambda connection: _tidy(ledger, connection),
        )
    except (Refused, Temporary) as error:
        return _after(ledger, connect, intent, paths, progress, error)
    except BaseException:
        # A signal leaves no time to look; what was begun is settled by the next run.
        _leave(ledger, connect, intent, paths, progress)
        raise
    if tries:
        receipt["tries"] = tries
    watch.lap("deliver")
    return end(ledger, intent, "delivered", receipt=receipt, seconds=watch.seconds)


def _after(
    ledger: Ledger,
    connect: Connect,
    intent: Record,
    paths: list[Path],
    progress: Progress,
    error: Refused | Temporary,
) -> Record:
    """Find out what an error left of an attempt; return a delivery, or raise."""
    if not progress.started:
        end(ledger, intent, "failed", why=str(error))
        raise error
    ended = look(ledger, connect, intent, paths, error)
    if ended["event"] == "delivered":
        return ended
    raise Refused(unknown(ended)) if ended["event"] == "unknown" else error


def _leave(
    ledger: Ledger,
    connect: Connect,
    intent: Record,
    paths: list[Path],
    progress: Progress,
) -> None:
    """Clean up in a hurry; what cannot be done now, the next run does."""
    if placed(ledger, intent):
        return
    with suppress(Stop, OSError), time_limit(_LAST_SECONDS, Temporary):
        if progress.started:
            with opened(opening(connect, intent)) as connection:
                clear(connection, delivery_of(intent, paths))
        end(ledger, intent, "failed", why="ended before its rename began")


def _made_up_for(
    ledger: Ledger, connect: Connect, intent: Record, paths: list[Path]
) -> Record | None:
    """Settle earlier tries that could not be looked at; a delivery, if one was."""
    for left in ledger.open_intents(intent["feed"]):
        if left["first"] != intent["attempt"]:
            continue
        ended = look(ledger, connect, left, paths, None)
        if ended["event"] == "unknown":
            raise Refused(unknown(ended))
        if ended["event"] == "delivered":
            return ended
    return None


def _numbered(intent: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the intent of a try: the first as given, later ones with new parts."""
    intent = {**intent, "try": number, "first": intent["attempt"]}
    if number == 1:
        return intent
    attempt = f"{intent['attempt']}-{number}"
    items = [
        {**item, "part": f"{item['name']}.{attempt}.part"} for item in intent["items"]
    ]
    return {**intent, "attempt": attempt, "items": items}


def _tidy(ledger: Ledger, connection: Connection) -> dict[str, Any]:
    found = upload.remove_orphaned_parts(
        connection, lambda name: ledger.outcome(name) is not None
    )
    return {"parts": found} if found else {}
