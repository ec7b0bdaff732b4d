"""Which pages to make, and what each of them tells."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from markupsafe import Markup

from monitor.drift import store
from monitor.drift.limits import Tolerance
from monitor.report import changes, details, html, plots, preview, reasons, trends
from monitor.report.steps import steps
from runtime.environment import Limits, Place
from runtime.exits import Misuse
from runtime.files import read_json
from store import feeds
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger
from store.outbox import packages
from store.package import Package

_LEAD = 3  # columns of the preview that stand before the decision
_SECTIONS = (
    ("pipeline", "Pipeline"), ("funnel", "Funnel"), ("preview", "Feed preview"),
    ("changes", "What changed"), ("gates", "Gates"), ("drift", "Over the runs"),
    ("deliveries", "Deliveries"), ("files", "Files"),
)  # fmt: skip


@dataclass(frozen=True)
class House:
    """Where everything lies.

    Attributes:
        place: the data directory.
        limits: memory and threads for DuckDB.
        root: the project, for the meaning of reasons.
        target: the folder of dbt's artifacts.
        out: the folder of the pages.
    """

    place: Place
    limits: Limits
    root: Path
    target: Path
    out: Path

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, as far as it holds."""
        return Ledger.read(self.place.ledger)

    @cached_property
    def packages(self) -> Sequence[Package]:
        """Every package, oldest first."""
        return packages(self.place.outbox, self.ledger)

    @cached_property
    def by_file(self) -> Mapping[str, Sequence[Package]]:
        """The packages of each file, ordered by run."""
        found: dict[str, list[Package]] = {}
        for package in self.packages:
            found.setdefault(package.file, []).append(package)
        return {
            file: sorted(some, key=lambda each: each.run_id)
            for file, some in found.items()
        }

    @cached_property
    def by_night(self) -> Mapping[str, Sequence[Package]]:
        """The packages of each run."""
        found: dict[str, list[Package]] = {}
        for package in self.packages:
            found.setdefault(package.run_time, []).append(package)
        return found

    @cached_property
    def meanings(self) -> Mapping[str, tuple[str, str]]:
        """What each reason means and what to do."""
        return reasons.meanings(self.root)

    @cached_property
    def tolerances(self) -> Mapping[str, Tolerance]:
        """What each exposure declares as `drift`; nothing without dbt's manifest."""
        try:
            manifest = read_json(self.target / "manifest.json")
            declared = feeds.read(Artifacts(manifest))
        except (OSError, ValueError, LookupError, Misuse):
            return {}
        return {
            feed.name: Tolerance.of(feed.drift, feed.state == feed.model)
            for feed in declared
        }

    @property
    def index(self) -> Path:
        """The page that lists all others."""
        return self.out / "index.html"

    def page(self, package: Package) -> Path:
        """The page of a package."""
        return self.out / package.file / f"{package.run_id}.html"

    def docs(self, at: Path) -> str:
        """The address of dbt's documentation, from a page; "" if there is none.

        Only the static one opens from disk: a browser does not let `index.html` read
        the manifest beside it.
        """
        path = self.target / "static_index.html"
        return html.link(at, path) if path.exists() else ""


def make(house: House, package: Package, again: bool) -> int | None:
    """Make the page of a package; None where it is there and nothing has changed.

    Raises:
        OSError, ValueError, LookupError, TypeError, duckdb.Error: the package cannot
            be read, or is not whole.
    """
    at = house.page(package)
    if package.pruned and at.exists():
        return None  # it shows more than is left
    made_from = html.digest(*_evidence(house, package, at))
    if not again and html.is_current(at, made_from):
        return None
    return html.write(at, "page.html", made_from, told(house, package, at))


def _evidence(house: House, package: Package, at: Path) -> list[object]:
    """Return all that a page depends on, short of the large files."""
    earlier = _runs(house, package)
    return [
        package.records,
        house.ledger.broken,
        package.manifest,
        [(each["name"], each["sha256"]) for each in details.files(package)],
        [
            (each.run_id, each.outcome, _profile(house, each).exists())
            for each in earlier
        ],
        [
            (each.file, each.run_id, each.outcome)
            for each in house.by_night[package.run_time]
        ],
        house.meanings,
        house.docs(at),
        package.pruned,
    ]


def told(house: House, package: Package, at: Path) -> dict[str, Any]:
    """Return what the page of a package tells."""
    with tempfile.TemporaryDirectory() as scratch:
        seen = preview.of(package, house.limits, Path(scratch))
    differences = package.run.get("changes") or {}
    runs = _runs(house, package)
    profiles = store.folder(house.place)
    series = trends.series(runs, profiles) if len(runs) > 1 else []
    counted = reasons.reasons(package, seen, house.meanings)
    checks = package.gates["checks"]
    columns = seen.columns if seen else ()
    return {
        "package": package,
        "title": package.manifest.get("title") or package.file,
        "tone": html.tone(package.outcome),
        "tones": {status: reasons.TONES.get(status, "open") for status in _all(seen)},
        "index": html.link(at, house.index),
        "earlier": _earlier(house, runs, at),
        "siblings": [
            {
                "file": each.file,
                "fate": each.outcome,
                "tone": html.tone(each.outcome),
                "current": each == package,
                "href": html.link(at, house.page(each)),
            }
            for each in house.by_night[package.run_time]
        ],
        "sections": _SECTIONS,
        "broken_ledger": house.ledger.broken,
        "steps": steps(package, house.place),
        "funnel": reasons.funnel(package, seen),
        "file_differs": reasons.differs(package, seen),
        "reasons": counted,
        "reason_most": max((each["rows"] for each in counted), default=0),
        "preview": seen,
        "pruned": package.pruned,
        "drifts": trends.drift_of(
            package,
            runs[:-1],
            profiles,
            house.tolerances.get(package.feed, Tolerance()),
        ),
        "lead": columns[:_LEAD],
        "rest": columns[_LEAD:],
        "statuses": _all(seen),
        "codes": sorted(seen.fired) if seen else [],
        "changes": differences,
        "named": partial(changes.named, package),
        "changed_rows": changes.rows(package, house.limits),
        "gates": details.gates(package),
        "gate_total": len(checks),
        "failed": [each for each in checks if each["verdict"] != "pass"],
        "plots": [
            # Drawn by us from numbers alone: nothing of the data is in it.
            {**plots.told(each), "svg": Markup(plots.svg(each))}  # noqa: S704
            for each in series
        ],
        "runs": len(runs[-trends.RUNS :]),
        "profiled": _profile(house, package).exists(),
        "records": details.deliveries(package.records),
        "receipt": details.receipt(package),
        "files": [
            {**each, "href": html.link(at, each["path"])}
            for each in details.files(package)
        ],
        "gates_page": (
            html.link(at, package.folder / "gates.html")
            if (package.folder / "gates.html").exists()
            else ""
        ),
        "dbt_docs": house.docs(at),
        "folder": package.folder,
        "provenance": details.provenance(package),
    }


def _all(seen: preview.Preview | None) -> list[str]:
    return sorted({status for status, _ in seen.by_status}) if seen else []


def _runs(house: House, package: Package) -> list[Package]:
    """Return the runs of the same file up to this one, oldest first."""
    some = house.by_file[package.file]
    return list(some[: some.index(package) + 1])


def _earlier(house: House, runs: Sequence[Package], at: Path) -> dict[str, str] | None:
    if len(runs) < 2:
        return None
    return {
        "href": html.link(at, house.page(runs[-2])),
        "at": html.when(runs[-2].run_time),
    }


def _profile(house: House, package: Package) -> Path:
    return store.path_of(store.folder(house.place), package.file, package.run_id)
