"""What became of a row in earlier runs: its decision, and where it went out."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from monitor.why.audit_search import Package
from monitor.why.search import Match
from monitor.why.sorted_csv import key_of

# What of a row is told beside its decision when it is compared with earlier runs.
DECISION = ("status", "output", "reason_code", "reason_codes", "warnings")
_FIGURES = ("qty_on_hand", "list_price", "sell_price", "rows", "order_updated")


def history(match: Match, sent: Sequence[Package], most: int) -> list[dict[str, Any]]:
    """Return the decision in the last runs, newest first, and what changed in each."""
    told: list[dict[str, Any]] = []
    for package in sent:
        if len(told) == most:
            break
        if not _may_hold(match, package):
            continue
        row = decided(match, package)
        told.append(
            {
                "run_id": package.run_id,
                "file": package.file,
                "fate": package.fate.get("event", "not delivered"),
                "held_by": package.fate.get("checks", []),
                **{name: row.get(name) or None for name in DECISION},
                **{name: row[name] for name in _FIGURES if name in row},
                "is_there": bool(row),
            }
        )
    for newer, older in pairwise(told):
        newer["changed"] = [
            name
            for name in (*DECISION, *_FIGURES)
            if newer.get(name) != older.get(name)
        ]
    return told


def decided(match: Match, package: Package) -> Mapping[str, str]:
    """Return a row as a package's audit has it; nothing if it is not there."""
    for found in package.decisions(match.subject, _key(match)):
        if _is_same(match, found.values):
            return found.values
    return {}


def last_out(match: Match, sent: Sequence[Package], most: int) -> list[dict[str, Any]]:
    """Return where a row last went out: for each file, its newest delivery.

    Args:
        match: the row.
        sent: the packages, newest first.
        most: how many deliveries of a file to look through.
    """
    told: dict[str, dict[str, Any]] = {}
    looked: dict[str, int] = {}
    for package in sent:
        if package.fate.get("event") != "delivered" or package.file in told:
            continue
        looked[package.file] = looked.get(package.file, 0) + 1
        if looked[package.file] <= max(most, 1) and (found := out(match, package)):
            told[package.file] = found
    return list(told.values())


def out(match: Match, package: Package) -> dict[str, Any]:
    """Return where a row stands in the file of a package; nothing if it does not."""
    if not _may_hold(match, package):
        return {}
    found = package.sent(match.subject, _key(match))
    if not found:
        return {}
    return {
        "file": package.file,
        "run_id": package.run_id,
        "name": package.name,
        "path": str(package.folder / package.name),
        "first_line": found[0],
        "last_line": found[1],
        "fate": package.fate.get("event", "not delivered"),
        "destination": package.fate.get("destination"),
        "at": package.fate.get("at"),
    }


def _key(match: Match) -> tuple[object, ...]:
    row = match.row
    return tuple(
        key_of(name, None if row[name] is None else str(row[name]))
        for name in match.subject.at
    )


def _may_hold(match: Match, package: Package) -> bool:
    """Tell whether a file can be about this row: a split file is about one value."""
    told = package.manifest.get("run", {})
    split = told.get("split")
    return split is None or split in [str(value) for value in match.row.values()]


def _is_same(match: Match, values: Mapping[str, str]) -> bool:
    names = (match.subject.id, *match.subject.place)
    return all(
        (values.get(name) or "")
        == ("" if match.row[name] is None else str(match.row[name]))
        for name in names
    )
