"""Did the partner take what was delivered? For partners that remove what they read.

A look lists the folder; the ledger keeps what changed since the last look as records
`observed`. A file that is gone was taken at some time before the look.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from publish.deliver import Destination, connect
from publish.deliver.sequence import opened
from publish.feeds import Feed
from publish.ledger import Ledger, Record
from publish.settings import Settings

_LYING, _TAKEN = "lies there", "taken"


def look(settings: Settings, ledger: Ledger, feeds: Sequence[Feed]) -> None:
    """List the folders of feeds that are watched; record what changed.

    Args:
        settings: of the command.
        ledger: the memory; its lock is held.
        feeds: all, watched or not.

    Raises:
        Refused, Temporary: a folder cannot be listed.
    """
    for feed in feeds:
        waiting = [r for r in _newest(feed, ledger) if _seen(ledger, r) != _TAKEN]
        if feed.pickup is None or not waiting:
            continue
        to = Destination.of(settings.variables, feed.destination)
        folder = feed.folder_in(settings.place.environment)
        with opened(lambda to=to, folder=folder: connect(to, folder)) as connection:  # type: ignore[misc]
            there = set(connection.list())
        for record in waiting:
            found = _LYING if record["name"] in there else _TAKEN
            if found != _seen(ledger, record):
                kept = {name: record[name] for name in ("attempt", "feed", "name")}
                ledger.append("observed", **kept, state=found)


def state(feed: Feed, ledger: Ledger, at: datetime) -> list[dict[str, Any]]:
    """Tell of the files that lie there, and of the last one that was taken."""
    if feed.pickup is None:
        return []
    allowed = timedelta(hours=feed.pickup["within_hours"])
    told = []
    for record in _newest(feed, ledger):
        seen = _observed(ledger, record)
        since = datetime.strptime(record["at"], "%Y-%m-%dT%H:%M:%SZ")
        late = at - since.replace(tzinfo=UTC) > allowed
        told.append(
            {
                "name": record["name"],
                "since": record["at"],
                "state": seen["state"] if seen else "not looked at",
                "seen": seen["at"] if seen else None,
                "overdue": late and (seen is None or seen["state"] != _TAKEN),
            }
        )
    taken = [one for one in told if one["state"] == _TAKEN][-1:]
    return taken + [one for one in told if one["state"] != _TAKEN]


def in_words(told: Sequence[dict[str, Any]]) -> list[str]:
    """Write a line a file."""
    lines = []
    for one in told:
        line = f"  pick-up: {one['name']} {one['state']}"
        if one["state"] == _TAKEN:
            line += f", seen at {one['seen']}; delivered {one['since']}"
        else:
            line += f", delivered {one['since']}"
        lines.append(line + (", OVERDUE: ask the partner" if one["overdue"] else ""))
    return lines


def _newest(feed: Feed, ledger: Ledger) -> list[Record]:
    """The last delivery under each name: an earlier one was replaced by it."""
    named = {r["name"]: r for r in ledger.all("delivered") if r["feed"] == feed.name}
    return list(named.values())


def _observed(ledger: Ledger, record: Record) -> Record | None:
    seen = [r for r in ledger.attempt(record["attempt"]) if r["event"] == "observed"]
    return seen[-1] if seen else None


def _seen(ledger: Ledger, record: Record) -> str:
    seen = _observed(ledger, record)
    return str(seen["state"]) if seen else ""
