"""Publishes one feed: recovers, prepares, delivers or holds, and reports each file."""

import errno
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from publish import encryption, status, workbook
from publish.confirm import end_outdated
from publish.deliver import delivery
from publish.gate.checks import Check
from publish.partner_files import PartnerFolders
from publish.prepare import PreparedFile, prepare
from publish.prune import remove
from publish.selection import NotMade, on_hold
from publish.settings import Settings, format_utc
from runtime.command import raise_if_interrupted
from runtime.environment import operator
from runtime.exits import WHAT_TO_FREE, Stop, Temporary
from runtime.log import LOG
from store import holds, partner_state
from store.feeds import Feed
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger
from store.package import Package

# A bug outweighs a refusal, which outweighs what may pass by itself.
_WEIGHT = {0: 0, 75: 1, 1: 2, 2: 3}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one file: exit code, text for a person, the same as values."""

    code: int
    text: str
    summary: dict[str, Any]


def worst(outcomes: Sequence[Outcome]) -> int:
    """Return the exit code of several files."""
    return max((o.code for o in outcomes), key=_WEIGHT.__getitem__, default=0)


def publish(
    settings: Settings,
    artifacts: Artifacts,
    ledger: Ledger,
    feed: Feed,
    folders: PartnerFolders | None = None,
) -> list[Outcome]:
    """Publish every file of a feed; an error of one file does not stop the next.

    Args:
        settings: of the command.
        artifacts: of dbt.
        ledger: its lock is held.
        feed: the declaration.
        folders: of all feeds of the run; by default of this one.
    """
    began = time.monotonic()
    if hold := holds.active(ledger, feed.name, None, settings.at):
        return [_not_made(on_hold(feed, feed.name, hold))]
    try:
        if not settings.dry_run:
            partner_state.sweep(settings.place.delivered)
            delivery.recover(settings, ledger, feed)
        if feed.travel.workbook:
            workbook.check_library()
        if feed.travel.encryption:
            encryption.check(settings.root, feed.travel.encryption)
        files = prepare(settings, artifacts, ledger, feed)
    except Stop as stop:
        return [_stopped(feed.name, stop)]
    except (OSError, duckdb.Error) as error:
        return [_stopped(feed.name, _full(error))]
    if not files:
        return [_no_files(feed)]
    unknown: Stop | None = None
    if not settings.dry_run and any(file.status == "ready" for file in files):
        folders = folders or PartnerFolders(settings, ledger, [feed])
        unknown = _unknown_files(folders, feed)
        _check_pickups(settings, ledger, feed)
    outcomes = [
        _not_made(file)
        if isinstance(file, NotMade)
        else _stopped(file.file.label, unknown, _to_json(file, "failed", began))
        if unknown and file.status == "ready"
        else _finish(settings, ledger, file, began)
        for file in files
    ]
    if not settings.dry_run:
        end_outdated(settings.place, settings.limits, ledger, feed)
    return outcomes


def _unknown_files(folders: PartnerFolders, feed: Feed) -> Stop | None:
    """Return why nothing may be sent: partners have files unknown to the ledger."""
    try:
        folders.check(feed)
    except Stop as stop:
        return stop
    return None


def _check_pickups(settings: Settings, ledger: Ledger, feed: Feed) -> None:
    """Record which earlier files the partner removed. An error stops no delivery."""
    try:
        status.check_pickups(settings, ledger, [feed])
    except Stop as stop:
        LOG.warning("no check of pick-ups", feed=feed.name, because=stop)


def refused(name: str, message: str) -> Outcome:
    """Return the outcome of an exposure that is declared wrongly."""
    summary = {"file": name, "status": "refused", "message": message}
    return Outcome(2, f"{name} refused: {message}", summary)


def _not_made(file: NotMade) -> Outcome:
    summary = {"file": file.label, "status": file.status, "message": file.message}
    return Outcome(file.code, f"{file.label} {file.status}: {file.message}", summary)


def _finish(
    settings: Settings, ledger: Ledger, prepared: PreparedFile, began: float
) -> Outcome:
    status = prepared.status
    # A signal may have spoilt the result, so it is not recorded.
    raise_if_interrupted()
    try:
        if status == "held" and not settings.dry_run:
            _record_held(ledger, prepared)
        elif status == "ready" and not settings.dry_run:
            _remove_failed(settings, ledger, prepared)
            delivery.deliver(settings, ledger, prepared)
            status = "delivered"
            prepared.log(status, time.monotonic() - began)
        elif not settings.dry_run:
            _record_nothing(settings, ledger, prepared)
    except Stop as stop:
        return _stopped(prepared.file.label, stop, _to_json(prepared, "failed", began))
    except OSError as error:
        full = _full(error)
        return _stopped(prepared.file.label, full, _to_json(prepared, "failed", began))
    summary = _to_json(prepared, status, began)
    text = _to_text(prepared, summary)
    return Outcome(1 if status == "held" else 0, text, summary)


def _record_held(ledger: Ledger, prepared: PreparedFile) -> None:
    ledger.append(
        "held",
        feed=prepared.file.feed.name,
        file=prepared.file.label,
        run_id=prepared.run_id,
        name=prepared.file.path.name,
        sha256=prepared.file.sha256,
        rows=prepared.file.rows,
        package=prepared.digest,
        checks=[check.id for check in prepared.holding],
        hard=[check.id for check in prepared.holding if check.hard],
        reasons=[_reason(check) for check in prepared.holding],
        seconds=prepared.seconds,
    )


def _remove_failed(settings: Settings, ledger: Ledger, prepared: PreparedFile) -> None:
    """Remove the tables of earlier packages of these bytes whose delivery failed."""
    if prepared.package:
        by, sha256 = operator(settings.variables), prepared.file.sha256
        package = Package(prepared.package)
        remove.failed_copies(settings.place, ledger, package, sha256, by)


def _record_nothing(settings: Settings, ledger: Ledger, prepared: PreparedFile) -> None:
    """Record why no file goes out, so that the ledger explains a missing file."""
    feed = prepared.file.feed
    period = format_utc(feed.cadence.last_due(settings.at))
    last = ledger.last_settled(feed.name, feed.destination, prepared.file.split)
    recorded = last and last["event"] == "nothing" and last["period"] == period
    if recorded and not prepared.state_sha256 and not prepared.gates.closed:
        return  # one record a period is enough, unless it uses up an approval
    ledger.append(
        "nothing",
        feed=feed.name,
        file=prepared.file.label,
        split=prepared.file.split,
        destination=feed.destination,
        logical=settings.logical_time,
        period=period,
        because={"skipped": "nothing changed"}.get(prepared.status, "same bytes"),
        sha256=prepared.file.sha256,
        seconds=prepared.seconds,
        **_state_of(prepared),
    )


def _state_of(prepared: PreparedFile) -> dict[str, Any]:
    """Return what the partner has now, and the build that knew what it had before."""
    if not prepared.state_sha256:
        return {}
    model = prepared.file.feed.state.model
    return {
        "state": {"model": model, "sha256": prepared.state_sha256},
        "build": prepared.build,
    }


def _to_json(prepared: PreparedFile, status: str, began: float) -> dict[str, Any]:
    return {
        "file": prepared.file.label,
        "status": status,
        "name": prepared.file.path.name,
        "rows": prepared.file.rows,
        "bytes": prepared.file.hashed.bytes,
        "sha256": prepared.file.sha256,
        "run_id": prepared.run_id,
        "package": str(prepared.package) if prepared.package else None,
        "gates": prepared.gates.tally,
        "held_by": [_reason(check) for check in prepared.holding],
        "changes": _changes(prepared),
        "destination": prepared.file.feed.destination,
        "seconds": round(time.monotonic() - began, 2),
    }


def _changes(prepared: PreparedFile) -> dict[str, Any] | None:
    """Return how many rows the partner has, will have, and would notice."""
    changes = prepared.changes
    if changes is None:
        return None
    names = ("first", "rows_before", "rows_after", "added", "removed", "changed")
    ignored = {"ignored": changes["ignored"]["rows"]} if "ignored" in changes else {}
    return {**{name: changes[name] for name in names}, **ignored}


def _reason(check: Check) -> dict[str, Any]:
    fields = check.to_json()
    return {name: fields[name] for name in ("id", "says", "count", "hard", "examples")}


def _to_text(prepared: PreparedFile, summary: dict[str, Any]) -> str:
    lines = [
        f"{summary['file']} {summary['status']}: {summary['rows']:,} rows, "
        f"{summary['bytes']:,} bytes, gates {summary['gates']}, "
        f"{summary['seconds']:.1f} s, file {summary['name']}"
    ]
    match summary["status"]:
        case "delivered":
            lines[0] += f" to {summary['destination']}"
        case "unchanged":
            lines[0] += f"; {summary['destination']} has exactly these bytes already"
        case "skipped":
            lines[0] += "; nothing changed, there is nothing to send"
        case "ready":
            lines[0] += "; not delivered, this was a dry run"
        case "held":
            lines[0] += ". Nothing was delivered"
            lines += status.reasons(summary["held_by"])
            if not any(check.hard for check in prepared.holding):
                lines.append(f"  digest: {summary['sha256']}")
            if summary["package"]:
                lines.append(
                    f"  every check and row: {status.EVIDENCE_FILES}, in the package"
                )
    if (changes := summary["changes"]) and not changes["first"]:
        counts = [f"{changes[k]:,} {k}" for k in ("added", "removed", "changed")]
        lines.append(
            f"  rows, compared with what {summary['destination']} has: "
            f"{', '.join(counts)}"
        )
    if summary["package"]:
        lines.append(f"  package: {summary['package']}")
    return "\n".join(lines)


def _full(error: Exception) -> Temporary:
    """Return the error of a full disk; raise any other error again."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or "No space left on device" in str(error):
        return Temporary(
            f"expected room on the disk, found none: {error}. {WHAT_TO_FREE}"
        )
    raise error


def _stopped(label: str, stop: Stop, summary: dict[str, Any] | None = None) -> Outcome:
    status = {1: "refused", 2: "failed", 75: "temporary"}[stop.code]
    run_id = (summary or {}).get("run_id")
    LOG.warning(status, file=label, run_id=run_id, exit_code=stop.code, because=stop)
    summary = {**(summary or {"file": label}), "status": status, "message": str(stop)}
    text = f"{label} {status}: {stop}"
    if summary.get("package"):
        text += f"\n  package: {summary['package']}"
    return Outcome(stop.code, text, summary)


def _no_files(feed: Feed) -> Outcome:
    """Return the outcome of a split feed without any value, by its `when_empty`."""
    if feed.open:
        none = f"no {feed.split_by} is open"
        closed = {"file": feed.name, "status": "nothing open", "message": none}
        return Outcome(0, f"{feed.name}: {none}, there is nothing to send", closed)
    refused = feed.when_empty == "refuse"
    text = f"{feed.model.model} has no rows, hence no value of {feed.split_by}"
    summary = {
        "file": feed.name,
        "status": "held" if refused else "skipped",
        "held_by": [
            {
                "id": "RUN_EMPTY",
                "says": text,
                "count": 1,
                "hard": False,
                "examples": [],
            }
        ]
        if refused
        else [],
    }
    return Outcome(int(refused), f"{feed.name} {summary['status']}: {text}", summary)
