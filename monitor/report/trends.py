"""The figures of a file over its last runs.

A run's figures come from its manifest. Those of columns come from its profile
(`profiles/<file>/<run id>.json`), if `monitor drift` has made one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from monitor.drift.compare import compare
from monitor.drift.limits import Tolerance
from monitor.drift.store import path_of
from monitor.report.preview import clean
from runtime import formats
from store.package import Package

RUNS = 60  # the greatest number of runs
PLOTS = 9
_FIXED = 4  # the first plots are always the same figures


@dataclass(frozen=True, slots=True)
class Point:
    """One run: its logical time (UTC), its outcome, and the value."""

    at: datetime
    outcome: str
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One figure over runs, oldest first.

    Attributes:
        name: of the figure.
        share: whether its values are shares from 0 to 1.
        points: the runs.
    """

    name: str
    share: bool
    points: tuple[Point, ...]

    @property
    def usual(self) -> float:
        """The median of the runs before the last one."""
        return median([point.value for point in self.points[:-1]])

    @property
    def moved(self) -> float:
        """The distance of the last run from the usual value, in units of the spread."""
        before = [point.value for point in self.points[:-1]]
        spread = median(abs(value - self.usual) for value in before)
        unit = spread or abs(self.usual) * 0.05 or 0.01
        return abs(self.points[-1].value - self.usual) / unit


def series(runs: Sequence[Package], profiles: Path) -> list[Series]:
    """Return the plots: first the figures of the file, then those that moved most.

    Args:
        runs: the packages of one file, oldest first, up to the one of the page.
        profiles: folder of the profiles of all files.
    """
    figures: dict[tuple[str, bool], list[Point]] = {}
    for package in runs[-RUNS:]:
        try:
            values = {**_manifest(package), **_profile(package, profiles)}
        except (OSError, ValueError, LookupError, TypeError):
            continue  # the page of that run reports it
        for name, value in values.items():
            point = Point(package.logical_time, package.outcome, value)
            figures.setdefault(name, []).append(point)
    last = runs[-1].logical_time
    every = [
        Series(name, share, tuple(points))
        for (name, share), points in figures.items()
        if len(points) > 1 and points[-1].at == last
    ]
    fixed, others = every[:_FIXED], every[_FIXED:]
    # A figure that never changed needs no plot.
    others = [each for each in others if len({p.value for p in each.points}) > 1]
    others.sort(key=lambda each: -each.moved)
    return [*fixed, *others[: PLOTS - len(fixed)]]


def _manifest(package: Package) -> dict[tuple[str, bool], float]:
    run = package.run
    figures: dict[tuple[str, bool], float] = {
        ("Rows in the file", False): package.resource["rows"]
    }
    counts: list[Mapping[str, object]] = run.get("counts") or []
    every = sum(int(str(each["rows"])) for each in counts)
    for status, name in (("REVIEW", "Share in review"), ("FILTERED", "Share left out")):
        some = sum(int(str(e["rows"])) for e in counts if e["status"] == status)
        if every:
            figures[name, True] = some / every
    changes = run.get("changes") or {}
    if not changes.get("first") and changes.get("rows_before"):
        moved = changes["added"] + changes["removed"] + changes["changed"]
        figures["Rows that differ from the partner's", False] = moved
    for measure, sums in (changes.get("measures") or {}).items():
        if isinstance(sums.get("after"), int | float):
            figures[f"Total of {measure}", False] = sums["after"]
    return figures


def _profile(package: Package, profiles: Path) -> dict[tuple[str, bool], float]:
    path = path_of(profiles, package.file, package.run_id)
    if not path.exists():
        return {}
    figures: dict[tuple[str, bool], float] = {}
    profile = formats.read("profiles", path)
    for name, column in profile["columns"].items():
        figures[f"{name}: share empty", True] = column["nulls"]
        if column["kind"] == "number" and column.get("median") is not None:
            figures[f"{name}: median", False] = column["median"]
            figures[f"{name}: share of 0", True] = column["zeros"]
    for reason, share in profile.get("reasons", {}).items():
        figures[f"Share of {reason}", True] = share
    return figures


def drift_of(
    package: Package, earlier: list[Package], profiles: Path, allowed: Tolerance
) -> list[str] | None:
    """Compare the profile of a package with those of earlier deliveries.

    Args:
        package: the package of the page.
        earlier: the packages of the same file before it, oldest first.
        profiles: folder of the profiles of all files.
        allowed: the limits of the exposure.

    Returns:
        A sentence for each unusual figure; None if there are too few profiles or
        earlier deliveries to compare with.

    Raises:
        OSError, ValueError, LookupError, TypeError: a profile cannot be read.
    """
    now = _path(package, profiles)
    sent = [each for each in earlier if each.outcome == "delivered"][-allowed.window :]
    before = [
        formats.read("profiles", _path(each, profiles))
        for each in sent
        if _path(each, profiles).exists()
    ]
    if not now.exists() or len(before) < allowed.least_runs:
        return None
    drifts = compare(formats.read("profiles", now), before, allowed)
    return [clean(drift.message) for drift in drifts if drift.unusual]


def _path(package: Package, profiles: Path) -> Path:
    return path_of(profiles, package.file, package.run_id)
