"""The figures of a file over its runs, as far as its packages and profiles go back.

A run's figures come from its manifest; those of columns from its profile
(`profiles/<file>/<run id>.json`), where `monitor drift` has made one.
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
from runtime.files import read_json
from store.package import Package

RUNS = 60  # how far back to look
PLOTS = 9  # how many figures to plot
_FIXED = 4  # of which these are always the first


@dataclass(frozen=True, slots=True)
class Point:
    """One run: its logical time (UTC), how it ended, and the value."""

    at: datetime
    fate: str
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One figure over runs, oldest first.

    Attributes:
        name: of what.
        share: whether its values are shares from 0 to 1.
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
        """How far the last run is from the usual one, in its own spread."""
        before = [point.value for point in self.points[:-1]]
        spread = median(abs(value - self.usual) for value in before)
        unit = spread or abs(self.usual) * 0.05 or 0.01
        return abs(self.points[-1].value - self.usual) / unit


def series(runs: Sequence[Package], profiles: Path) -> list[Series]:
    """Return what to plot: first the figures of the file, then what moved furthest.

    Args:
        runs: the packages of one file, oldest first; the last one is asked about.
        profiles: folder of the profiles of all files.
    """
    found: dict[tuple[str, bool], list[Point]] = {}
    for package in runs[-RUNS:]:
        try:
            told = {**_of_manifest(package), **_of_profile(package, profiles)}
        except (OSError, ValueError, LookupError, TypeError):
            continue  # that run has its own page, which says so
        for name, value in told.items():
            point = Point(package.logical_time, package.outcome, value)
            found.setdefault(name, []).append(point)
    last = runs[-1].logical_time
    every = [
        Series(name, share, tuple(points))
        for (name, share), points in found.items()
        if len(points) > 1 and points[-1].at == last
    ]
    fixed, others = every[:_FIXED], every[_FIXED:]
    # What never moved tells nothing.
    others = [each for each in others if len({p.value for p in each.points}) > 1]
    others.sort(key=lambda each: -each.moved)
    return [*fixed, *others[: PLOTS - len(fixed)]]


def _of_manifest(package: Package) -> dict[tuple[str, bool], float]:
    run = package.run
    told: dict[tuple[str, bool], float] = {
        ("Rows in the file", False): package.resource["rows"]
    }
    counts: list[Mapping[str, object]] = run.get("counts") or []
    every = sum(int(str(each["rows"])) for each in counts)
    for status, name in (("REVIEW", "Share in review"), ("FILTERED", "Share left out")):
        some = sum(int(str(e["rows"])) for e in counts if e["status"] == status)
        if every:
            told[name, True] = some / every
    changes = run.get("changes") or {}
    if not changes.get("first") and changes.get("rows_before"):
        moved = changes["added"] + changes["removed"] + changes["changed"]
        told["Rows that differ from the partner's", False] = moved
    for measure, sums in (changes.get("measures") or {}).items():
        if isinstance(sums.get("after"), int | float):
            told[f"Total of {measure}", False] = sums["after"]
    return told


def _of_profile(package: Package, profiles: Path) -> dict[tuple[str, bool], float]:
    path = path_of(profiles, package.file, package.run_id)
    if not path.exists():
        return {}
    told: dict[tuple[str, bool], float] = {}
    profile = read_json(path)
    for name, column in profile["columns"].items():
        told[f"{name}: share empty", True] = column["nulls"]
        if column["kind"] == "number" and column.get("median") is not None:
            told[f"{name}: median", False] = column["median"]
            told[f"{name}: share of 0", True] = column["zeros"]
    for reason, share in profile.get("reasons", {}).items():
        told[f"Share of {reason}", True] = share
    return told


def drift_of(
    package: Package, earlier: list[Package], profiles: Path, allowed: Tolerance
) -> list[str] | None:
    """Compare the profile of a package with those of earlier deliveries.

    Args:
        package: what is asked about.
        earlier: the packages of the same file before it, oldest first.
        profiles: folder of the profiles of all files.
        allowed: how far a figure may be from the usual.

    Returns:
        A sentence for each figure that is too far from the usual; None where it
        was not compared, for want of profiles or of earlier deliveries.

    Raises:
        OSError, ValueError, LookupError, TypeError: a profile cannot be read.
    """
    now = _path(package, profiles)
    sent = [each for each in earlier if each.outcome == "delivered"][-allowed.long :]
    before = [
        read_json(_path(each, profiles))
        for each in sent
        if _path(each, profiles).exists()
    ]
    if not now.exists() or len(before) < allowed.least_runs:
        return None
    found = compare(read_json(now), before, allowed)
    return [clean(drift.says) for drift in found if drift.told]


def _path(package: Package, profiles: Path) -> Path:
    return path_of(profiles, package.file, package.run_id)
