"""Write the index: what each partner has, and every run with its files."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from monitor.catalogue import who_acts
from monitor.health.report import Report
from monitor.report import html
from monitor.report.build import Site
from store import adopted, holds
from store.ledger import RUN_ENDS, Record
from store.package import Package

MOST = 200  # runs
MOST_WAITING = 30
_VERDICT_TONES = {0: "good", 1: "bad", 75: "warn"}
# Of each severity the words and the CSS class.
_URGENCY = {
    "act": ("must act", "bad"), "unsure": ("cannot tell", "warn"),
    "warn": ("warning", "warn"), "note": ("goes on by itself", "open"),
}  # fmt: skip
# Notes about what will go on by itself.
_WAITING_NOTES = ("FILE_RELEASED", "FILE_ON_HOLD")


def write(site: Site, unreadable: Mapping[Package, str], health: Report) -> int:
    """Write the index and return its bytes.

    Args:
        site: all pages.
        unreadable: packages without a page, and why.
        health: the result of `monitor health`.
    """
    order = site.ledger.run_order()
    # Where a run first stands in the ledger: a clock that was ahead moves none.
    places = {
        run_time: min(order(each.file, each.run_id)[0] for each in packages)
        for run_time, packages in site.by_run_time.items()
    }
    others: dict[str, list[dict[str, Any]]] = {}
    for place, run_time, line in _without_package(site):
        others.setdefault(run_time, []).append(line)
        places[run_time] = min(place, places.get(run_time, place))
    every = sorted(places, key=lambda each: (places[each], each), reverse=True)
    runs = {
        run_time: [
            *(
                _line(site, package, unreadable.get(package, ""))
                for package in site.by_run_time.get(run_time, ())
            ),
            *others.get(run_time, ()),
        ]
        for run_time in every[:MOST]
    }
    values: dict[str, Any] = {
        "environment": site.place.environment,
        "broken_ledger": site.ledger.broken,
        "verdict": health.verdict,
        "verdict_tone": _VERDICT_TONES[health.exit_code],
        "checked_at": health.at[:16].replace("T", " "),
        "waiting": _waiting(site, health),
        "most_waiting": MOST_WAITING,
        "runs": [
            {
                "at": html.when(run_time),
                "lines": sorted(lines, key=lambda line: str(line["file"])),
            }
            for run_time, lines in runs.items()
        ],
        "left_out": max(len(every) - MOST, 0),
        "files": _files(site),
        "dbt_docs": site.docs(site.index),
    }
    return html.write(site.index, "index.html", html.digest(values), values)


def _waiting(site: Site, health: Report) -> list[dict[str, Any]]:
    """Return each problem, the most urgent first, with whom it waits for."""
    lines = []
    for finding in health.findings:
        severity = finding.kind.severity
        if severity == "note" and finding.id not in _WAITING_NOTES:
            continue
        ack = health.acknowledgement(finding)
        lines.append(
            {
                "who": who_acts(finding.id),
                "urgency": _URGENCY[severity][0],
                "tone": _URGENCY[severity][1],
                "about": finding.about,
                "href": _newest_page(site, finding.about),
                "says": finding.message,
                "since": (finding.since or "")[:16].replace("T", " "),
                "do": finding.remedy,
                "acknowledged": f"acknowledged by {ack['by']}: {ack['because']}"
                if ack
                else "",
            }
        )
    return lines


def _newest_page(site: Site, file: str) -> str:
    """Return the link to the page of the newest package of a file; "" without one."""
    pages = [site.page(each) for each in site.by_file.get(file, ())]
    existing = [page for page in pages[-1:] if page.exists()]
    return html.link(site.index, existing[0]) if existing else ""


def _page_of(site: Site, record: Record | None) -> str:
    """Return the link to the page of the run of a record; "" without one."""
    if record is None:
        return ""
    page = site.out / str(record["file"]) / f"{record['run_id']}.html"
    return html.link(site.index, page) if page.exists() else ""


def _line(site: Site, package: Package, why: str) -> dict[str, Any]:
    at = site.page(package)
    line: dict[str, Any] = {
        "file": package.file,
        "same": None,
        "outcome": package.outcome,
        "tone": html.tone(package.outcome),
        "href": html.link(site.index, at) if at.exists() and not why else "",
        "why": why,
        "rows": None,
        "gates": "",
        "changes": "",
    }
    if why:
        return {**line, "outcome": "cannot be read", "tone": "bad"}
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
        return {**line, "why": str(error), "outcome": "cannot be read", "tone": "bad"}


def _changes(changes: Mapping[str, Any]) -> str:
    if not changes or changes.get("first"):
        return "the first file" if changes else ""
    if not any(changes[kind] for kind in ("added", "removed", "changed")):
        ignored = changes.get("ignored", {})
        if rows := ignored.get("rows"):
            return f"{rows:,} only in {', '.join(ignored['columns'])}"
        return "nothing changed"
    return " · ".join(
        f"{sign}{changes[kind]:,}"
        for sign, kind in (
            ("+", "added"),
            ("\N{MINUS SIGN}", "removed"),
            ("\N{NOT EQUAL TO}", "changed"),
        )
    )


def _without_package(site: Site) -> list[tuple[int, str, dict[str, Any]]]:
    """Return runs in the ledger that have no package, or none any more.

    Each has its place in the ledger, its time, and its line.
    """
    existing = {(each.file, each.run_id) for each in site.packages}
    places: dict[tuple[str, str], int] = {}
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    sent: dict[str, Record] = {}
    for place, record in enumerate(site.ledger.all()):
        event, file = record["event"], record.get("file")
        if event == "delivered":
            sent[record["file"]] = record
        if event == "nothing" and file:
            run_time = str(record["logical"]).replace("-", "").replace(":", "")
            line = _plain_line(file, "nothing to send", record["because"])
            if href := _page_of(site, sent.get(file)):
                line["same"] = {"href": href, "name": sent[file]["name"]}
        elif event in RUN_ENDS and (file, record["run_id"]) not in existing:
            run_time = record["run_id"].partition("-")[0]
            line = _plain_line(str(file), event, "its package was removed")
            page = site.out / str(file) / f"{record['run_id']}.html"
            if page.exists():
                line["href"] = html.link(site.index, page)
            line["rows"] = record.get("rows")
        else:
            continue
        lines[run_time, str(file)] = line
        places.setdefault((run_time, str(file)), place)
    return [(places[run], run[0], line) for run, line in lines.items()]


def _plain_line(file: str, outcome: str, why: str) -> dict[str, Any]:
    return {
        "file": file, "outcome": outcome, "tone": html.tone(outcome), "href": "",
        "same": None,
        "why": why, "rows": None, "gates": "", "changes": "",
    }  # fmt: skip


def _files(site: Site) -> list[dict[str, Any]]:
    """Return the last outcome of each file, and its last delivery."""
    last: dict[str, str] = {package.file: package.outcome for package in site.packages}
    for file, record in site.ledger.newest().items():
        event = record["event"]
        last[file] = "nothing to send" if event == "nothing" else event
    sent = {record["file"]: record for record in site.ledger.all("delivered")}
    own = {r["file"]: r for r in site.ledger.all("adopted", "delivered")}
    for file in own:
        last.setdefault(file, "adopted")
    return [
        {
            "file": file,
            "outcome": outcome,
            "tone": html.tone(outcome),
            "at": str(sent.get(file, {}).get("at") or "never")[:16].replace("T", " "),
            "rows": sent.get(file, {}).get("rows"),
            "name": sent.get(file, {}).get("name", ""),
            "href": _newest_page(site, file),
            "sent_href": _page_of(site, sent.get(file)),
            "destination": site.destination(
                file.partition(".")[0], [own[file]] if file in own else []
            ),
            "on_hold": _on_hold(site, file),
            "adopted": adopted.sentence(own[file])
            if file in own and own[file]["event"] == "adopted"
            else "",
        }
        for file, outcome in sorted(last.items())
    ]


def _on_hold(site: Site, file: str) -> str:
    """Return until when a person stopped a file, by whom and why; "" if nobody did."""
    feed = file.partition(".")[0]
    hold = holds.active(site.ledger, feed, file, datetime.now(UTC))
    return holds.sentence(hold) if hold else ""
