"""The index: what each partner holds, and every run with its files, newest first."""

from collections.abc import Mapping
from typing import Any

from monitor.report import html
from monitor.report.build import House
from store.ledger import RUN_ENDS
from store.package import Package

MOST = 200  # runs that are listed


def write(house: House, unreadable: Mapping[Package, str]) -> int:
    """Write the index; return its bytes.

    Args:
        house: where everything lies.
        unreadable: packages without a page, and why.
    """
    runs: dict[str, list[dict[str, Any]]] = {}
    for package in house.packages:
        line = _line(house, package, unreadable.get(package, ""))
        runs.setdefault(package.run_time, []).append(line)
    for night, line in _without_package(house):
        runs.setdefault(night, []).append(line)
    newest = sorted(runs, reverse=True)
    told: dict[str, Any] = {
        "environment": house.place.environment,
        "broken_ledger": house.ledger.broken,
        "nights": [
            {"at": html.when(night), "files": sorted(runs[night], key=_by_file)}
            for night in newest[:MOST]
        ],
        "left_out": max(len(newest) - MOST, 0),
        "files": _files(house),
        "dbt_docs": house.docs(house.index),
    }
    return html.write(house.index, "index.html", html.digest(told), told)


def _line(house: House, package: Package, why: str) -> dict[str, Any]:
    at = house.page(package)
    line: dict[str, Any] = {
        "file": package.file,
        "fate": package.outcome,
        "tone": html.tone(package.outcome),
        "href": html.link(house.index, at) if at.exists() and not why else "",
        "why": why,
        "rows": None,
        "gates": "",
        "changes": "",
    }
    if why:
        return {**line, "fate": "cannot be read", "tone": "bad"}
    try:
        checks = package.gates["checks"]
        passed = sum(each["verdict"] == "pass" for each in checks)
        closed = [each["id"] for each in checks if each["verdict"] == "fail"]
        return {
            **line,
            "rows": package.resource["rows"],
            "gates": f"{passed}/{len(checks)}",
            "changes": _changes(package.run.get("changes") or {}),
            "why": ", ".join(closed[:3]) + (" ..." if len(closed) > 3 else ""),
        }
    except (OSError, ValueError, LookupError, TypeError) as error:
        return {**line, "why": str(error), "fate": "cannot be read", "tone": "bad"}


def _changes(told: Mapping[str, Any]) -> str:
    if not told or told.get("first"):
        return "the first file" if told else ""
    if not any(told[kind] for kind in ("added", "removed", "changed")):
        return "nothing changed"
    return " · ".join(
        f"{sign}{told[kind]:,}"
        for sign, kind in (
            ("+", "added"),
            ("\N{MINUS SIGN}", "removed"),
            ("\N{NOT EQUAL TO}", "changed"),
        )
    )


def _without_package(house: House) -> list[tuple[str, dict[str, Any]]]:
    """Return what the ledger tells of runs that left no package, or whose is gone."""
    there = {(each.file, each.run_id) for each in house.packages}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for record in house.ledger.all():
        event, file = record["event"], record.get("file")
        if event == "nothing" and file:
            night = str(record["logical"]).replace("-", "").replace(":", "")
            found[night, file] = _gone(file, "nothing to send", record["because"])
        elif event in RUN_ENDS and (file, record["run_id"]) not in there:
            line = _gone(str(file), event, "its package was let go")
            page_of = house.out / str(file) / f"{record['run_id']}.html"
            if page_of.exists():
                line["href"] = html.link(house.index, page_of)
            line["rows"] = record.get("rows")
            found[record["run_id"].partition("-")[0], str(file)] = line
    return [(night, line) for (night, _), line in found.items()]


def _gone(file: str, fate: str, why: str) -> dict[str, Any]:
    return {
        "file": file, "fate": fate, "tone": html.tone(fate), "href": "",
        "why": why, "rows": None, "gates": "", "changes": "",
    }  # fmt: skip


def _files(house: House) -> list[dict[str, Any]]:
    """Return the newest word on each file, and its last delivery."""
    last: dict[str, str] = {package.file: package.outcome for package in house.packages}
    for file, record in house.ledger.newest().items():
        event = record["event"]
        last[file] = "nothing to send" if event == "nothing" else event
    sent = {record["file"]: record for record in house.ledger.all("delivered")}
    return [
        {
            "file": file,
            "fate": fate,
            "tone": html.tone(fate),
            "at": str(sent.get(file, {}).get("at") or "never")[:16].replace("T", " "),
            "rows": sent.get(file, {}).get("rows"),
            "name": sent.get(file, {}).get("name", ""),
        }
        for file, fate in sorted(last.items())
    ]


def _by_file(line: Mapping[str, Any]) -> str:
    return str(line["file"])
