"""The whole story of one feed: recover, prepare, deliver or hold, and say so."""

import errno
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from publish import status
from publish.deliver import delivery
from publish.gate.checks import Check
from publish.prepare import PreparedFile, prepare
from publish.selection import NotMade
from publish.settings import Settings, stamp
from runtime.command import raise_if_interrupted
from runtime.exits import Stop, Temporary
from store import partner_state
from store.feeds import Feed
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger

# A bug outweighs a refusal, which outweighs what may pass by itself.
_WEIGHT = {0: 0, 75: 1, 1: 2, 2: 3}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended for one file: exit code, a sentence, and the same as values."""

    code: int
    words: str
    told: dict[str, Any]


def worst(outcomes: Sequence[Outcome]) -> int:
    """Return the exit code of several files."""
    return max((o.code for o in outcomes), key=_WEIGHT.__getitem__, default=0)


def publish(
    settings: Settings, artifacts: Artifacts, ledger: Ledger, feed: Feed
) -> list[Outcome]:
    """Publish every file of a feed; what stops one file does not stop the next."""
    began = time.monotonic()
    try:
        if not settings.dry_run:
            delivery.recover(settings, ledger, feed)
        partner_state.sync(ledger, settings.place.delivered)
        made = prepare(settings, artifacts, ledger, feed)
    except Stop as stop:
        return [_stopped(feed.name, stop)]
    except (OSError, duckdb.Error) as error:
        return [_stopped(feed.name, _full(error))]
    if not made:
        return [_nothing(feed)]
    return [
        _passed(one)
        if isinstance(one, NotMade)
        else _finish(settings, ledger, one, began)
        for one in made
    ]


def _passed(one: NotMade) -> Outcome:
    told = {"file": one.label, "status": one.status, "message": one.says}
    return Outcome(one.code, f"{one.label} {one.status}: {one.says}", told)


def _finish(
    settings: Settings, ledger: Ledger, ready: PreparedFile, began: float
) -> Outcome:
    status = ready.status
    # A signal may have spoilt the result: nothing of it is recorded.
    raise_if_interrupted()
    try:
        if status == "held" and not settings.dry_run:
            _remember_held(ledger, ready)
        elif status == "ready" and not settings.dry_run:
            delivery.deliver(settings, ledger, ready)
            status = "delivered"
        elif not settings.dry_run:
            _remember_nothing(settings, ledger, ready)
    except Stop as stop:
        return _stopped(ready.file.label, stop, _told(ready, "failed", began))
    except OSError as error:
        full = _full(error)
        return _stopped(ready.file.label, full, _told(ready, "failed", began))
    told = _told(ready, status, began)
    return Outcome(1 if status == "held" else 0, _words(ready, told), told)


def _remember_held(ledger: Ledger, ready: PreparedFile) -> None:
    ledger.append(
        "held",
        feed=ready.file.feed.name,
        file=ready.file.label,
        run_id=ready.run_id,
        name=ready.file.path.name,
        sha256=ready.file.sha256,
        rows=ready.file.rows,
        package=ready.digest,
        checks=[check.id for check in ready.holding],
        hard=[check.id for check in ready.holding if check.hard],
        reasons=[_reason(check) for check in ready.holding],
        seconds=ready.seconds,
    )


def _remember_nothing(settings: Settings, ledger: Ledger, ready: PreparedFile) -> None:
    """Let the ledger say why there is no file, so that a missing one is no riddle."""
    feed = ready.file.feed
    period = stamp(feed.cadence.last_due(settings.at))
    last = ledger.last_settled(feed.name, feed.destination, ready.file.split)
    said = last and last["event"] == "nothing" and last["period"] == period
    if said and not ready.state and not ready.gates.closed:
        return  # in this period; nor was an approval used up
    ledger.append(
        "nothing",
        feed=feed.name,
        file=ready.file.label,
        split=ready.file.split,
        destination=feed.destination,
        logical=settings.logical_time,
        period=period,
        because={"skipped": "nothing changed"}.get(ready.status, "same bytes"),
        sha256=ready.file.sha256,
        seconds=ready.seconds,
        **({"state": {"model": feed.state.model, "sha256": ready.state}}
           if ready.state else {}),
    )  # fmt: skip
    partner_state.sync(ledger, settings.place.delivered)


def _told(ready: PreparedFile, status: str, began: float) -> dict[str, Any]:
    return {
        "file": ready.file.label,
        "status": status,
        "name": ready.file.path.name,
        "rows": ready.file.rows,
        "bytes": ready.bytes,
        "sha256": ready.file.sha256,
        "run_id": ready.run_id,
        "package": str(ready.package) if ready.package else None,
        "gates": ready.gates.tally,
        "held_by": [_reason(check) for check in ready.holding],
        "destination": ready.file.feed.destination,
        "seconds": round(time.monotonic() - began, 2),
    }


def _reason(check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "says": check.says,
        "count": check.count,
        "hard": check.hard,
        "examples": [_flat(example) for example in check.examples],
    }


def _flat(example: object) -> str:
    if isinstance(example, Mapping):
        return ", ".join(f"{name} {value}" for name, value in example.items())
    return str(example)


def _words(ready: PreparedFile, told: dict[str, Any]) -> str:
    lines = [
        f"{told['file']} {told['status']}: {told['rows']:,} rows, "
        f"{told['bytes']:,} bytes, gates {told['gates']}, {told['seconds']:.1f} s, "
        f"file {told['name']}"
    ]
    match told["status"]:
        case "delivered":
            lines[0] += f" to {told['destination']}"
        case "unchanged":
            lines[0] += f"; {told['destination']} has exactly these bytes already"
        case "skipped":
            lines[0] += "; nothing changed, there is nothing to send"
        case "ready":
            lines[0] += "; not delivered, this was a dry run"
        case "held":
            lines[0] += ". Nothing was delivered"
            lines += status.reasons(told["held_by"])
            if not any(check.hard for check in ready.holding):
                lines.append(f"  digest: {told['sha256']}")
            if told["package"]:
                lines.append(f"  every check and row: {status.WHERE}, in the package")
    if told["package"]:
        lines.append(f"  package: {told['package']}")
    return "\n".join(lines)


def _full(error: Exception) -> Temporary:
    """Say that a disk of ours is full; any other error is raised again."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or "No space left on device" in str(error):
        return Temporary(f"expected room on the disk, found none: {error}. Make room, "
                         "then publish again.")  # fmt: skip
    raise error


def _stopped(label: str, stop: Stop, told: dict[str, Any] | None = None) -> Outcome:
    status = {1: "refused", 2: "failed", 75: "temporary"}[stop.code]
    said = {**(told or {"file": label}), "status": status, "message": str(stop)}
    words = f"{label} {status}: {stop}"
    if said.get("package"):
        words += f"\n  package: {said['package']}"
    return Outcome(stop.code, words, said)


def _nothing(feed: Feed) -> Outcome:
    """Settle a split feed without any value by its `when_empty`."""
    if feed.open:
        none = f"no {feed.split_by} is open"
        closed = {"file": feed.name, "status": "nothing open", "message": none}
        return Outcome(0, f"{feed.name}: {none}, there is nothing to send", closed)
    refused = feed.when_empty == "refuse"
    words = f"{feed.model.model} has no rows, hence no value of {feed.split_by}"
    told = {
        "file": feed.name,
        "status": "held" if refused else "skipped",
        "held_by": [
            {
                "id": "RUN_EMPTY",
                "says": words,
                "count": 1,
                "hard": False,
                "examples": [],
            }
        ]
        if refused
        else [],
    }
    return Outcome(int(refused), f"{feed.name} {told['status']}: {words}", told)
