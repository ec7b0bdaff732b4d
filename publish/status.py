"""What stands where: for every file the last delivery, what is held, what is due."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from publish.selection import due
from publish.settings import Settings, stamp
from publish.transport import Destination, connect
from store.feeds import Feed
from store.ledger import Ledger, Record

# Where the rows behind a reason are.
WHERE = "gates.html, audit.csv"
# Of a split feed, the files that went out last; older terms are in the ledger.
_MOST = 8
_SHOWN = ("at", "name", "rows", "bytes", "sha256", "run_id")


def status_of(
    feeds: Sequence[Feed], ledger: Ledger, at: datetime
) -> list[dict[str, Any]]:
    """Tell the state of every feed at a logical time (UTC)."""
    return [_of_one(feed, ledger, at) for feed in feeds]


def to_text(states: Sequence[dict[str, Any]]) -> str:
    """Write the state for a person, a paragraph a feed."""
    return "\n".join(_words(state) for state in states) or "No feed is declared."


def reasons(told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write why a file is held: a line a reason, and the rows it was seen by."""
    lines = []
    for reason in told:
        lines.append(f"  {reason['id']}: {reason['says']}")
        more = reason["count"] - len(reason["examples"])
        lines += [f"    such as {example}" for example in reason["examples"]]
        if reason["examples"] and more > 0:
            lines.append(f"    and {more:,} more")
    return lines


def _of_one(feed: Feed, ledger: Ledger, at: datetime) -> dict[str, Any]:
    last = ledger.last_delivered(feed.name, feed.destination)
    newest = ledger.newest(feed.name)
    held = [record for record in newest.values() if record["event"] == "held"]
    files = {
        record["file"]: record
        for record in ledger.all("delivered", feed=feed.name)
        if record["destination"] == feed.destination
    }
    return {
        "feed": feed.name,
        "destination": feed.destination,
        "due": due(feed, ledger, at),
        "last_due": stamp(feed.cadence.last_due(at)),
        "delivered": {name: last[name] for name in _SHOWN} if last else None,
        # A value of a split feed each; one file else.
        "by_file": [
            {"file": file, **{name: record[name] for name in _SHOWN}}
            for file, record in sorted(
                files.items(), key=lambda each: each[1]["at"], reverse=True
            )
        ],
        "held": [
            {name: record[name] for name in ("at", "name", "sha256", "checks", "hard")}
            | {
                "approved": ledger.approval(record["file"], record["sha256"])
                is not None,
                "reasons": record.get("reasons", []),
                "package": f"outbox/{record['file']}/{record['run_id']}",
            }
            for record in held
        ],
        "open": [record["attempt"] for record in ledger.open_intents(feed.name)],
        "unknown": [record["attempt"] for record in ledger.unknown(feed.name)],
        "pickup": pickup_state(feed, ledger, at),
    }


def _words(state: dict[str, Any]) -> str:
    last = state["delivered"]
    lines = [
        f"{state['feed']}: "
        + (
            f"{last['name']} ({last['rows']:,} rows) delivered to "
            f"{state['destination']} at {last['at']}"
            if last
            else f"nothing delivered to {state['destination']} yet"
        )
        + f"; last due {state['last_due']}{', due now' if state['due'] else ''}"
    ]
    if [each["file"] for each in state["by_file"]] not in ([], [state["feed"]]):
        lines += _each(state["by_file"])
    for held in state["held"]:
        release = (
            "approved: the next publish delivers it"
            if held["approved"]
            else "nobody may release it"
            if held["hard"]
            else f"publish approve {held['sha256'][:12]} --because ..."
        )
        lines.append(f"  held {held['name']}: {', '.join(held['checks'])} ({release})")
        lines += [f"  {line}" for line in reasons(held["reasons"])]
        lines.append(f"    every check and row: {WHERE} in {held['package']}")
    lines += [
        f"  open {attempt}: the next publish settles it" for attempt in state["open"]
    ]
    lines += [
        f"  unknown {attempt}: publish settle {attempt}" for attempt in state["unknown"]
    ]
    return "\n".join(lines + pickup_lines(state["pickup"]))


def _each(files: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        f"  {each['file']}: {each['name']} ({each['rows']:,} rows) at {each['at']}"
        for each in files[:_MOST]
    ]
    more = len(files) - _MOST
    return lines + ([f"  and {more} more"] if more > 0 else [])


_LYING, _TAKEN = "lies there", "taken"


def check_pickups(settings: Settings, ledger: Ledger, feeds: Sequence[Feed]) -> None:
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
        destination = Destination.of(settings.variables, feed.destination)
        folder = feed.folder_in(settings.place.environment)
        with closing(connect(destination, folder)) as connection:
            there = set(connection.list())
        for record in waiting:
            found = _LYING if record["name"] in there else _TAKEN
            if found != _seen(ledger, record):
                kept = {name: record[name] for name in ("attempt", "feed", "name")}
                ledger.append("observed", **kept, state=found)


def pickup_state(feed: Feed, ledger: Ledger, at: datetime) -> list[dict[str, Any]]:
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


def pickup_lines(told: Sequence[dict[str, Any]]) -> list[str]:
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
    named = {r["name"]: r for r in ledger.all("delivered", feed=feed.name)}
    return list(named.values())


def _observed(ledger: Ledger, record: Record) -> Record | None:
    seen = [r for r in ledger.attempt(record["attempt"]) if r["event"] == "observed"]
    return seen[-1] if seen else None


def _seen(ledger: Ledger, record: Record) -> str:
    seen = _observed(ledger, record)
    return str(seen["state"]) if seen else ""
