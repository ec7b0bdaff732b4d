"""The funnel from source rows to the file, and the reasons with their meanings."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.report.preview import Preview
from store.package import Package

TONES = {"ELIGIBLE": "good", "FILTERED": "open", "REVIEW": "warn"}
_STATUSES = tuple(TONES)


def funnel(package: Package, preview: Preview | None) -> list[dict[str, Any]]:
    """Return the lines from source rows to the file."""
    statuses = _by_status(package, preview)
    total = sum(statuses.values())
    whole = preview.audit_rows if preview else total
    lines = [_line("source", "Source rows", whole, whole)]
    if preview and preview.split is not None:
        by = next(column.label for column in preview.columns if column.split)
        lines.append(_line("part", f"{by} {preview.split}", total, whole))
    for status, output in sorted(statuses, key=lambda each: _rank(each[0])):
        rows = statuses[status, output]
        line = _line(status, status.capitalize(), rows, whole)
        lines.append({**line, "output": output, "tone": TONES.get(status, "open")})
    # Orders have several rows each: then the share would compare unlike things.
    same = statuses.get(("ELIGIBLE", "PUBLISH")) == package.resource["rows"]
    file = _line(
        "file", "Rows in the file", package.resource["rows"], whole if same else 0
    )
    return [*lines, {**file, "tone": "good"}]


def differs(package: Package, preview: Preview | None) -> str:
    """Explain why the file's rows are not the eligible rows; "" if they are."""
    eligible = _by_status(package, preview).get(("ELIGIBLE", "PUBLISH"))
    if eligible in (None, package.resource["rows"]):
        return ""
    return (
        "a record can have several rows in the file, and a delta has only the records "
        "that differ from what the partner has."
    )


def _line(id_: str, name: str, rows: int, whole: int) -> dict[str, Any]:
    share = f"{rows / whole:.1%}" if whole else ""
    line = {"id": id_, "name": name, "rows": rows, "whole": whole, "share": share}
    return {**line, "tone": "open", "output": ""}


def _by_status(
    package: Package, preview: Preview | None
) -> Mapping[tuple[str, str], int]:
    if preview:
        return preview.by_status
    outputs = {"ELIGIBLE": "PUBLISH", "FILTERED": "SKIP", "REVIEW": "AUDIT"}
    rows: dict[tuple[str, str], int] = {}
    for each in package.run.get("counts") or ():
        key = (each["status"], outputs.get(each["status"], ""))
        rows[key] = rows.get(key, 0) + each["rows"]
    return rows


def reasons(
    package: Package, preview: Preview | None, known: Mapping[str, tuple[str, str]]
) -> list[dict[str, Any]]:
    """Return every reason with its rows, by status, the most frequent first."""
    if preview:
        counts = {(s, reason): rows for (s, _, reason), rows in preview.counts.items()}
    else:
        declared = package.run.get("counts") or ()
        counts = {(e["status"], e["reason"] or ""): e["rows"] for e in declared}
    lines: list[dict[str, Any]] = []
    for (status, reason), rows in counts.items():
        meaning, remedy = known.get(reason, ("", ""))
        lines.append(
            {
                "status": status,
                "reason": reason,
                "rows": rows,
                "fired": preview.fired.get(reason, 0) if preview else None,
                "linked": preview is not None,
                "tone": TONES.get(status, "open"),
                "meaning": meaning,
                "remedy": remedy,
            }
        )
    lines.sort(key=lambda each: (_rank(each["status"]), -each["rows"], each["reason"]))
    return lines


def meanings(root: Path) -> dict[str, tuple[str, str]]:
    """Return meaning and remedy of each reason code, from the project's seeds."""
    meanings: dict[str, tuple[str, str]] = {}
    for path in sorted((root / "seeds").glob("*reason_codes.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if {"reason_code", "meaning", "remedy"} <= row.keys():
                    meanings[row["reason_code"]] = (row["meaning"], row["remedy"])
    return meanings


def _rank(status: str) -> int:
    return _STATUSES.index(status) if status in _STATUSES else len(_STATUSES)
