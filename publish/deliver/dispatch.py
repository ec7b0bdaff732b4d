"""One delivery in the ledger: intent, placing, and an end that is true or unknown.

Every try is an attempt of its own there, with a part name of its own, so that no two
tries can write into the same file. How an attempt ended is decided by looking at the
partner's folder over a fresh connection, never by the reply that did not come.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from publish.deliver import Connection, litter
from publish.deliver.patience import Patience
from publish.deliver.recovery import (
    Connect,
    delivery_of,
    end,
    look,
    opening,
    placed,
    placing,
    unknown,
)
from publish.deliver.sequence import Progress, clear, opened, send
from publish.ledger import Ledger, Record
from publish.stopwatch import Stopwatch
from runtime.deadline import at_most
from runtime.exits import Refused, Stop, Temporary

# An orchestrator that sent SIGTERM kills after 20 to 30 seconds.
_LAST_SECONDS = 12


def dispatch(
    ledger: Ledger,
    connect: Connect,
    intent: dict[str, Any],
    paths: list[Path],
    bar: bool,
    patience: Patience | None = None,
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

    return (patience or Patience()).run(one)


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
    with suppress(Stop, OSError), at_most(_LAST_SECONDS, Temporary):
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
    found = litter.sweep(connection, lambda name: ledger.outcome(name) is not None)
    return {"parts": found} if found else {}
