"""One delivery in the ledger: intent, placing, and an end that is true or unknown."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from publish.deliver import Connection
from publish.deliver.sequence import Delivery, Item, clear, opened, send
from publish.deliver.settle import settle
from publish.ledger import Ledger, Record
from runtime.command import LOG
from runtime.exits import Interrupted, Refused, Stop, Temporary

# Opens the folder of a destination: (destination, folder) -> connection.
Connect = Callable[[str, str], Connection]
# What an outcome repeats of its intent, so that it can be read alone.
_KEPT = ("attempt", "run_id", "feed", "file", "split", "destination", "name", "sha256",
         "bytes", "rows", "logical", "period", "state", "package")  # fmt: skip


def dispatch(
    ledger: Ledger,
    connect: Connect,
    intent: dict[str, Any],
    paths: list[Path],
    bar: bool,
) -> Record:
    """Deliver what `intent` says and return the ledger's record of the delivery.

    Args:
        ledger: the memory; its lock is held.
        connect: opens a destination.
        intent: the fields of the record, with `items` (name, part, bytes, sha256).
        paths: the local file of each item.
        bar: show a progress bar.

    Raises:
        Refused, Temporary: it was not delivered, or nobody can tell; the message and
            the ledger say which.
    """
    ledger.append("intent", **intent)
    delivery = _delivery(intent, paths)

    def open_() -> Connection:
        return connect(intent["destination"], intent["folder"])

    def placing() -> None:
        ledger.append("placing", attempt=intent["attempt"], feed=intent["feed"])

    try:
        receipt = send(open_, delivery, placing, bar)
    except BaseException as error:
        if not _placed(ledger, intent):
            _end(ledger, intent, "failed", why=str(error))
            raise
        # A rename was begun. A signal leaves no time to look; the next run does.
        if isinstance(error, Interrupted) or not isinstance(error, Stop):
            raise
        return _look(ledger, open_, intent, delivery, error)
    return _end(ledger, intent, "delivered", receipt=receipt)


def settle_open(ledger: Ledger, connect: Connect, feed: str) -> None:
    """End every intent of a feed that an earlier process left open, by looking.

    Raises:
        Refused: how one ended, now or earlier, cannot be known.
        Temporary: the server cannot be asked now.
    """
    for intent in ledger.open_intents(feed):
        delivery = _delivery(intent, [Path(item["name"]) for item in intent["items"]])

        def open_(intent: Record = intent) -> Connection:
            return connect(intent["destination"], intent["folder"])

        if _placed(ledger, intent):
            # What it raises for an unknown end is raised below, for older ones too.
            with suppress(Refused):
                _look(ledger, open_, intent, delivery, None)
        else:
            with opened(open_) as connection:
                clear(connection, delivery)
            _end(ledger, intent, "failed", why="ended before its rename began")
        ended = ledger.attempt(intent["attempt"])[-1]["event"]
        LOG.info(f"settled attempt={intent['attempt']} as={ended}")
    for record in ledger.unknown(feed):
        raise Refused(_unknown(record))


def settle_unknown(
    ledger: Ledger, attempt: str, delivered: bool, by: str, because: str
) -> Record:
    """Record what a person found out about an attempt whose end was unknown.

    Raises:
        Refused: the end of that attempt is not unknown.
    """
    intent = next((r for r in ledger.attempt(attempt) if r["event"] == "intent"), None)
    ended = ledger.outcomes().get(attempt)
    if intent is None or ended is None or ended["event"] != "unknown":
        raise Refused(
            f"expected an attempt whose end is unknown, found {attempt!r} "
            f"{ended['event'] if ended else 'not in the ledger'}. `publish status` "
            "lists them."
        )
    told = {"by": by, "because": because.strip()}
    if delivered:
        return _end(ledger, intent, "delivered", receipt={"told": told}, **told)
    return _end(ledger, intent, "failed", why=because.strip(), **told)


def _look(
    ledger: Ledger,
    connect: Callable[[], Connection],
    intent: Record,
    delivery: Delivery,
    error: Stop | None,
) -> Record:
    """Settle an attempt whose rename had begun; its outcome goes into the ledger."""
    try:
        with opened(connect) as connection:
            outcome = settle(connection, delivery)
            facts = dict(connection.facts())
    except Stop as stop:
        raise Temporary(
            f"{intent['name']} was being renamed at {intent['destination']} when the "
            f"connection failed: {stop} Whether it is there is not known yet; the next "
            "run looks first."
        ) from None
    if outcome == "delivered":
        return _end(ledger, intent, outcome, receipt={**facts, "settled": True})
    why = str(error or "an earlier run ended during the rename")
    record = _end(ledger, intent, outcome, why=why)
    if outcome == "failed":
        raise Refused(f"{intent['name']} was not delivered: {why}")
    raise Refused(_unknown(record))


def _delivery(intent: Record, paths: list[Path]) -> Delivery:
    return Delivery(
        tuple(
            Item(path, item["name"], item["part"], item["bytes"], item["sha256"])
            for path, item in zip(paths, intent["items"], strict=True)
        ),
        intent["rename"],
    )


def _placed(ledger: Ledger, intent: Record) -> bool:
    return any(r["event"] == "placing" for r in ledger.attempt(intent["attempt"]))


def _end(ledger: Ledger, intent: Record, event: str, **fields: Any) -> Record:
    return ledger.append(event, **{name: intent[name] for name in _KEPT}, **fields)


def _unknown(record: Record) -> str:
    return (
        f"whether {record['name']} (attempt {record['attempt']}) reached "
        f"{record['destination']} is unknown: neither it nor its part is there as "
        "sent. The partner may have picked it up. Nothing more of "
        f"{record['feed']} is sent until a person asked the partner and said "
        f"`publish settle {record['attempt']} --as delivered|not-delivered "
        "--because ...`."
    )
