"""The status of every feed: the last delivery, what is held, what is due."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from publish.due import due
from publish.settings import Settings, format_utc
from store import adopted, holds
from store.feeds import Feed
from store.ledger import Ledger, Record, name_at_partner

# Files of a package that show the rows of a reason.
EVIDENCE_FILES = "gates.html, audit.csv"
# Files of a split feed that are shown; the ledger has the older ones.
_MOST = 8
_SHOWN = ("at", "name", "rows", "bytes", "sha256", "run_id")


def status_of(
    feeds: Sequence[Feed], ledger: Ledger, at: datetime
) -> list[dict[str, Any]]:
    """Return the status of every feed at a logical time (UTC)."""
    return [_of_one(feed, ledger, at) for feed in feeds]


def to_text(states: Sequence[dict[str, Any]]) -> str:
    """Return the status for a person, a paragraph for each feed."""
    return "\n".join(_paragraph(state) for state in states) or "No feed is declared."


def reasons(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return why a file is held: a line for each check, and up to three rows."""
    lines = []
    for reason in checks:
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
        "last_due": format_utc(feed.cadence.last_due(at)),
        "delivered": {name: last[name] for name in _SHOWN} if last else None,
        # One for each value of a split feed.
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
                "file": record["file"],
                "same_bytes": _held_too(ledger, record),
                "package": f"outbox/{record['file']}/{record['run_id']}",
            }
            for record in held
        ],
        "failed": _failed(feed, ledger),
        "open": [record["attempt"] for record in ledger.open_intents(feed.name)],
        "unknown": [record["attempt"] for record in ledger.unknown(feed.name)],
        "pickup": pickup_state(feed, ledger, at),
        "adopted": [
            {name: each[name] for name in (*_SHOWN[:-1], "file", "by", "because")}
            for each in adopted.current(ledger, feed.name)
        ],
        "on_hold": [
            {name: hold[name] for name in ("file", "at", "until", "by", "because")}
            for hold in holds.current(ledger, feed.name, at)
        ],
    }


def _held_too(ledger: Ledger, held: Record) -> list[str]:
    """Return the other held files that have the same bytes."""
    return [
        file
        for file, record in ledger.newest().items()
        if (record["event"], record["sha256"]) == ("held", held["sha256"])
        and file != held["file"]
    ]


def _failed(feed: Feed, ledger: Ledger) -> list[dict[str, Any]]:
    """Return the files whose last attempt failed, with the attempts since the last end.

    An end is a record of held, delivered or nothing. Each has the number of attempts
    (`count`), the times of the first and the last, and why the last one failed.
    """
    failed: dict[str, dict[str, Any]] = {}
    for record in ledger.all("failed", "held", "delivered", "nothing", feed=feed.name):
        file = record["file"]
        if record["event"] != "failed":
            failed.pop(file, None)
            continue
        before = failed.pop(file, {"first": record["at"], "count": 0})
        failed[file] = {
            "file": file,
            "name": record["name"],
            "destination": record["destination"],
            "count": before["count"] + 1,
            "first": before["first"],
            "last": record["at"],
            "why": record.get("why", "no reason is recorded"),
        }
    return [*failed.values()]


def _paragraph(state: dict[str, Any]) -> str:
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
        lines += _file_lines(state["by_file"])
    lines += [f"  {a['file']}: {adopted.sentence(a)}" for a in state["adopted"]]
    lines += [
        f"  {hold['file'] or 'all files'}: {holds.sentence(hold)}"
        for hold in state["on_hold"]
    ]
    for held in state["held"]:
        release = (
            "approved: the next publish delivers it"
            if held["approved"]
            else "nobody may release it"
            if held["hard"]
            else f"publish approve {held['sha256'][:12]}"
            + (f" --file {held['file']}" if held["same_bytes"] else "")
            + " --because ..."
        )
        lines.append(f"  held {held['name']}: {', '.join(held['checks'])} ({release})")
        lines += [f"  {line}" for line in reasons(held["reasons"])]
        lines.append(f"    every check and row: {EVIDENCE_FILES} in {held['package']}")
    lines += [
        f"  failed {each['name']}: {each['count']} "
        f"{'attempts' if each['count'] > 1 else 'attempt'}, the last at "
        f"{each['last']}: {each['why']}"
        for each in state["failed"]
    ]
    lines += [
        f"  open {attempt}: the next publish settles it" for attempt in state["open"]
    ]
    lines += [
        f"  unknown {attempt}: publish settle {attempt}" for attempt in state["unknown"]
    ]
    return "\n".join(lines + pickup_lines(state["pickup"]))


def _file_lines(files: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        f"  {each['file']}: {each['name']} ({each['rows']:,} rows) at {each['at']}"
        for each in files[:_MOST]
    ]
    more = len(files) - _MOST
    return lines + ([f"  and {more} more"] if more > 0 else [])


_WAITING, _PICKED_UP = "lies there", "taken"


def check_pickups(settings: Settings, ledger: Ledger, feeds: Sequence[Feed]) -> None:
    """List the folders of the feeds with `pickup`; record what changed.

    Args:
        settings: of the command.
        ledger: its lock is held.
        feeds: all, with `pickup` or not.

    Raises:
        Refused, Temporary: a folder cannot be listed.
    """
    from publish.transport import Destination, connect

    for feed in feeds:
        waiting = [
            r for r in _newest(feed, ledger) if _pickup_status(ledger, r) != _PICKED_UP
        ]
        if feed.pickup is None or not waiting:
            continue
        destination = Destination.read(settings.variables, feed.destination)
        folder = feed.folder_in(settings.place.environment)
        with closing(connect(destination, folder)) as connection:
            names = set(connection.list())
        for record in waiting:
            state = _WAITING if name_at_partner(record) in names else _PICKED_UP
            if state != _pickup_status(ledger, record):
                about = {name: record[name] for name in ("attempt", "feed", "name")}
                ledger.append("observed", **about, state=state)


def pickup_state(feed: Feed, ledger: Ledger, at: datetime) -> list[dict[str, Any]]:
    """Return the files that are still there, and the last one that was taken."""
    if feed.pickup is None:
        return []
    allowed = timedelta(hours=feed.pickup["within_hours"])
    files = []
    for record in _newest(feed, ledger):
        observed = _observed(ledger, record)
        since = datetime.strptime(record["at"], "%Y-%m-%dT%H:%M:%SZ")
        late = at - since.replace(tzinfo=UTC) > allowed
        files.append(
            {
                "name": name_at_partner(record),
                "since": record["at"],
                "state": observed["state"] if observed else "not looked at",
                "seen": observed["at"] if observed else None,
                "overdue": late
                and (observed is None or observed["state"] != _PICKED_UP),
            }
        )
    picked_up = [file for file in files if file["state"] == _PICKED_UP][-1:]
    return picked_up + [file for file in files if file["state"] != _PICKED_UP]


def pickup_lines(files: Sequence[dict[str, Any]]) -> list[str]:
    """Return a line for each file."""
    lines = []
    for file in files:
        line = f"  pick-up: {file['name']} {file['state']}"
        if file["state"] == _PICKED_UP:
            line += f", seen at {file['seen']}; delivered {file['since']}"
        else:
            line += f", delivered {file['since']}"
        lines.append(line + (", OVERDUE: ask the partner" if file["overdue"] else ""))
    return lines


def _newest(feed: Feed, ledger: Ledger) -> list[Record]:
    """Return the last delivery of each name, which has replaced the earlier ones."""
    named = {r["name"]: r for r in ledger.all("delivered", feed=feed.name)}
    return list(named.values())


def _observed(ledger: Ledger, record: Record) -> Record | None:
    records = ledger.attempt(record["attempt"])
    observed = [r for r in records if r["event"] == "observed"]
    return observed[-1] if observed else None


def _pickup_status(ledger: Ledger, record: Record) -> str:
    observed = _observed(ledger, record)
    return str(observed["state"]) if observed else ""
