"""What stands where: for every file the last delivery, what is held, what is due."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from publish import pickup
from publish.feeds import Feed
from publish.ledger import Ledger, Record
from publish.settings import stamp

# Where the rows behind a reason are.
WHERE = "gates.html, audit.csv"
# Of a split feed, the files that went out last; older terms are in the ledger.
_MOST = 8
_SHOWN = ("at", "name", "rows", "bytes", "sha256", "run_id")


def of(feeds: Sequence[Feed], ledger: Ledger, at: datetime) -> list[dict[str, Any]]:
    """Tell the state of every feed at a logical time (UTC)."""
    return [_of_one(feed, ledger, at) for feed in feeds]


def due(feed: Feed, ledger: Ledger, at: datetime) -> bool:
    """Say whether the cadence fell due between the last delivery and `at`."""
    return due_for(feed, ledger, at, None)


def due_for(feed: Feed, ledger: Ledger, at: datetime, split: str | None) -> bool:
    """Say the same of one split value; None asks about the feed as a whole."""
    last = ledger.last_settled(feed.name, feed.destination, split)
    return last is None or stamp(feed.cadence.last_due(at)) > last["logical"]


def in_words(states: Sequence[dict[str, Any]]) -> str:
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
    newest: dict[str, Record] = {}
    for record in ledger.all("held", "delivered", "nothing"):
        if record["feed"] == feed.name:
            newest[record["file"]] = record
    held = [record for record in newest.values() if record["event"] == "held"]
    files = {
        record["file"]: record
        for record in ledger.all("delivered")
        if (record["feed"], record["destination"]) == (feed.name, feed.destination)
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
        "pickup": pickup.state(feed, ledger, at),
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
    return "\n".join(lines + pickup.in_words(state["pickup"]))


def _each(files: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        f"  {each['file']}: {each['name']} ({each['rows']:,} rows) at {each['at']}"
        for each in files[:_MOST]
    ]
    more = len(files) - _MOST
    return lines + ([f"  and {more} more"] if more > 0 else [])
