"""Build the page of a package."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from markupsafe import Markup

from monitor.drift import store
from monitor.drift.limits import Tolerance
from monitor.report import (
    answers,
    changes,
    details,
    html,
    plots,
    preview,
    reasons,
    risks,
    trends,
)
from monitor.report.steps import steps
from runtime import duck
from runtime.environment import DataDirectory, Limits
from runtime.exits import Misuse
from runtime.files import read_json
from store import feeds
from store.feeds import Feed
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger, Record
from store.outbox import packages
from store.package import Package

_LEAD = 3  # columns of the preview before the decision
_SECTIONS = (
    ("pipeline", "Pipeline"), ("gates", "Gates"), ("changes", "What changed"),
    ("answers", "Rejected by the partner"), ("funnel", "Funnel"),
    ("preview", "Rows of the audit"), ("reading", "For readers"),
    ("drift", "Over the runs"), ("deliveries", "Deliveries"), ("files", "Files"),
)  # fmt: skip


@dataclass(frozen=True)
class Site:
    """All pages, and the data that they show.

    Attributes:
        place: the data directory.
        limits: memory and threads for DuckDB.
        root: the project, for the meanings of reason codes.
        target: the folder of dbt's artifacts.
        out: the folder of the pages.
    """

    place: DataDirectory
    limits: Limits
    root: Path
    target: Path
    out: Path

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, up to its first broken line."""
        return Ledger.read(self.place.ledger)

    @cached_property
    def packages(self) -> Sequence[Package]:
        """Every package, oldest first."""
        return packages(self.place.outbox, self.ledger)

    @cached_property
    def by_file(self) -> Mapping[str, Sequence[Package]]:
        """The packages of each file, oldest first."""
        files: dict[str, list[Package]] = {}
        for package in self.packages:
            files.setdefault(package.file, []).append(package)
        return files

    @cached_property
    def by_run_time(self) -> Mapping[str, Sequence[Package]]:
        """The packages of each run time."""
        runs: dict[str, list[Package]] = {}
        for package in self.packages:
            runs.setdefault(package.run_time, []).append(package)
        return runs

    @cached_property
    def meanings(self) -> Mapping[str, tuple[str, str]]:
        """The meaning and the remedy of each reason code."""
        return reasons.meanings(self.root)

    @cached_property
    def declared(self) -> Mapping[str, Feed]:
        """The declared feeds by name; none without dbt's manifest."""
        try:
            manifest = read_json(self.target / "manifest.json")
            return {feed.name: feed for feed in feeds.read(Artifacts(manifest))}
        except (OSError, ValueError, LookupError, Misuse):
            return {}

    @cached_property
    def tolerances(self) -> Mapping[str, Tolerance]:
        """The limits of drift of each feed; none without dbt's manifest."""
        return {
            name: Tolerance.from_declaration(feed.drift, feed.is_whole)
            for name, feed in self.declared.items()
        }

    def destination(self, feed: str, records: Sequence[Record]) -> str:
        """Return where a file goes: by its last record, else as the feed says now."""
        for record in reversed(records):
            if name := record.get("destination"):
                return str(name)
        return self.declared[feed].destination if feed in self.declared else ""

    @cached_property
    def most_runs(self) -> int:
        """How many runs of a file a page can show or compare with."""
        return max([trends.RUNS, *(each.window for each in self.tolerances.values())])

    @cached_property
    def common(self) -> str:
        """A digest of what every page depends on."""
        docs = (self.target / "static_index.html").exists()
        return html.digest(self.ledger.broken, self.meanings, docs, self.misread)

    @cached_property
    def misread(self) -> Mapping[str, Any]:
        """What is known of values that many programs misread."""
        return risks.known()

    def profiled(self, file: str) -> frozenset[str]:
        """Return the runs of a file that have a profile."""
        if file not in self._profiled:
            folder = store.folder(self.place) / file
            self._profiled[file] = frozenset(
                each.stem for each in folder.glob("*.json")
            )
        return self._profiled[file]

    @cached_property
    def _profiled(self) -> dict[str, frozenset[str]]:
        return {}

    @property
    def index(self) -> Path:
        """The page that lists all others."""
        return self.out / "index.html"

    def page(self, package: Package) -> Path:
        """Return the page of a package."""
        return self.out / package.file / f"{package.run_id}.html"

    def docs(self, at: Path) -> str:
        """Return the link from a page to dbt's documentation; "" if there is none.

        Only the static documentation opens from disk. A browser does not let
        `index.html` read another file.
        """
        path = self.target / "static_index.html"
        return html.link(at, path) if path.exists() else ""


def build(site: Site, package: Package, again: bool) -> int | None:
    """Build the page of a package.

    Args:
        site: all pages.
        package: the package.
        again: build the page even if its data has not changed.

    Returns:
        The bytes of the page; None if it is up to date.

    Raises:
        OSError, ValueError, LookupError, TypeError, duckdb.Error: the package cannot
            be read, or is not complete.
    """
    at = site.page(package)
    made_from = html.digest(site.common, _inputs(site, package))
    if not again and html.is_current(at, made_from):
        return None
    return html.write(at, "page.html", made_from, _values(site, package, at))


def _inputs(site: Site, package: Package) -> list[object]:
    """Return everything that the page of one package depends on, but no content.

    A file counts by name, size and time, so that an old package is not read again.
    """
    with os.scandir(package.folder) as entries:
        files = sorted(
            (each.name, each.stat().st_size, each.stat().st_mtime_ns)
            for each in entries
        )
    shown = _runs(site, package)[-site.most_runs :]
    profiled = site.profiled(package.file)
    return [
        package.records,
        site.destination(package.feed, package.records),
        files,
        [(each.run_id, each.outcome, each.run_id in profiled) for each in shown],
        [
            (each.file, each.run_id, each.outcome)
            for each in site.by_run_time[package.run_time]
        ],
    ]


def _values(site: Site, package: Package, at: Path) -> dict[str, Any]:
    """Return the values of the template."""
    with (
        tempfile.TemporaryDirectory() as folder,
        duck.open_session(site.limits, Path(folder)) as connection,
    ):
        rows = preview.read(connection, package)
        changed_rows = changes.rows(connection, package)
        reports = answers.reports(connection, site.place.data, package.records)

    runs = _runs(site, package)
    profiles = store.folder(site.place)
    series = trends.series(runs, profiles) if len(runs) > 1 else []
    checks = package.gates["checks"]
    columns = rows.columns if rows else ()
    statuses = sorted({status for status, _ in rows.by_status}) if rows else []
    counts = reasons.reasons(package, rows, site.meanings)
    return {
        "package": package,
        "title": package.manifest.get("title") or package.file,
        "tone": html.tone(package.outcome),
        "tones": {status: reasons.TONES.get(status, "open") for status in statuses},
        "destination": site.destination(package.feed, package.records),
        "at": html.when(package.run_time),
        "index": html.link(at, site.index),
        "earlier": _earlier(site, runs, at),
        "siblings": [
            {
                "file": each.file,
                "outcome": each.outcome,
                "tone": html.tone(each.outcome),
                "current": each == package,
                "href": html.link(at, site.page(each)),
            }
            for each in site.by_run_time[package.run_time]
        ],
        "sections": [each for each in _SECTIONS if reports or each[0] != "answers"],
        "broken_ledger": site.ledger.broken,
        "steps": steps(package, site.place),
        "funnel": reasons.funnel(package, rows),
        "file_differs": reasons.differs(package, rows),
        "reasons": counts,
        "reason_most": max((each["rows"] for each in counts), default=0),
        "preview": rows,
        "pruned": package.pruned,
        "drifts": trends.drift_of(
            package,
            runs[:-1],
            profiles,
            site.tolerances.get(package.feed, Tolerance()),
        ),
        "lead": columns[:_LEAD],
        "rest": columns[_LEAD:],
        "statuses": statuses,
        "codes": sorted(rows.fired) if rows else [],
        "changes": package.run.get("changes") or {},
        "named": partial(changes.named, package),
        "changed_rows": changed_rows,
        "risks": risks.of_file(
            package,
            site.misread,
            html.link(at, risks.READING) if site.misread else "",
        ),
        "gates": details.gates(package),
        "gate_total": len(checks),
        "failed": [each for each in checks if each["verdict"] != "pass"],
        "plots": [
            # The SVG is our own and has numbers only, no text of the data.
            {**plots.describe(each), "svg": Markup(plots.svg(each))}  # noqa: S704
            for each in series
        ],
        "runs": len(runs[-trends.RUNS :]),
        "profiled": package.run_id in site.profiled(package.file),
        "records": details.deliveries(package.records),
        "receipt": details.receipt(package),
        "reports": reports,
        "files": [
            {**each, "href": html.link(at, each["path"])}
            for each in details.files(package)
        ],
        "gates_page": (
            html.link(at, package.folder / "gates.html")
            if (package.folder / "gates.html").exists()
            else ""
        ),
        "dbt_docs": site.docs(at),
        "folder": package.folder,
        "provenance": details.provenance(package),
    }


def _runs(site: Site, package: Package) -> list[Package]:
    """Return the runs of the same file up to this one, oldest first."""
    runs = site.by_file[package.file]
    return list(runs[: runs.index(package) + 1])


def _earlier(site: Site, runs: Sequence[Package], at: Path) -> dict[str, str] | None:
    if len(runs) < 2:
        return None
    return {
        "href": html.link(at, site.page(runs[-2])),
        "at": html.when(runs[-2].run_time),
    }
