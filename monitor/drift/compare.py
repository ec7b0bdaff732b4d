"""Today's profile beside the usual: every figure, with what would be told."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from monitor.drift import statistics
from monitor.drift.limits import Tolerance
from monitor.drift.statistics import Figure, figures, weekday

Profile = Mapping[str, Any]
# A file that lost this share of its rows was wiped out, however its rows vary.
_WIPED = 0.9
_SLOW = 7  # runs at each end of a slow change
_SAMPLING = 4  # standard errors that a share of few rows may be off by


@dataclass(frozen=True, slots=True)
class Drift:
    """One figure of one file.

    Attributes:
        id: the finding that it would be.
        column: which column; "" for the file.
        figure: such as "rows" or "share of empty".
        observed: today.
        usual: in the runs before.
        limit: how far it may be from that.
        far: how far it is.
    """

    id: str
    column: str
    figure: str
    observed: float
    usual: float
    limit: float
    far: float

    @property
    def told(self) -> bool:
        """Whether it is farther than it may be."""
        return self.far > self.limit

    @property
    def says(self) -> str:
        """Write it for a person."""
        where = f"{self.column}, " if self.column else ""
        return (
            f"{where}{self.figure} {self.observed:.4g}, usually {self.usual:.4g} "
            f"(off by {self.far:.2g}, limit {self.limit:.2g})"
        )


def compare(now: Profile, before: Sequence[Profile], allowed: Tolerance) -> list[Drift]:
    """Compare a profile with those of earlier deliveries.

    Args:
        now: the profile that is asked about.
        before: earlier ones, oldest first; none that was held back.
        allowed: window, floors and sensitivity.

    Returns:
        Every figure, the told ones first; nothing where too few runs are known.
    """
    usual = before[-allowed.window :]
    if len(usual) < allowed.least_runs:
        return []
    found = [
        *_figures(now, usual, allowed),
        *_shares(now, usual, allowed),
        *_numbers(now, usual, allowed),
        *_slowly(now, before[-allowed.long :], allowed),
    ]
    found.sort(key=lambda drift: -drift.far / drift.limit)
    return found


def _figures(
    now: Profile, before: Sequence[Profile], allowed: Tolerance
) -> Iterator[Drift]:
    past: dict[Figure, list[tuple[int, float]]] = {}
    for profile in before:
        for figure, value in figures(profile, allowed.ignore).items():
            past.setdefault(figure, []).append((weekday(profile), value))
    for figure, value in figures(now, allowed.ignore).items():
        series = past.get(figure, [])
        if len(series) < allowed.least_runs:
            continue
        known = statistics.usual(series, weekday(now))
        unit = abs(known.centre) if figure.relative else 1.0
        far = abs(value - known.centre) / unit if unit else float(value != 0)
        noise = 0.0 if figure.relative else _noise(known.centre, now["rows"])
        limit = max(
            allowed.floors[figure.floor],
            allowed.sensitivity * (known.scale / unit if unit else 0.0),
            noise,
            _middle(figure, before, known.centre),
        )
        if figure.floor == "rows" and allowed.snapshot and value < known.centre:
            limit = min(limit, _WIPED)
        yield Drift(
            figure.id, figure.column, figure.name, value, known.centre, limit, far
        )


def _middle(figure: Figure, before: Sequence[Profile], centre: float) -> float:
    """How far a median may go, relative, before it leaves the middle fifth.

    Where numbers are few and whole, as pieces in stock, it jumps by more than a tenth
    when next to nothing has moved.
    """
    if figure.floor != "median" or not centre:
        return 0.0
    known = [
        quantiles
        for profile in before
        if (quantiles := profile["columns"].get(figure.column, {}).get("quantiles"))
    ]
    if not known:
        return 0.0
    spread = statistics.median_quantiles(known)
    step = len(spread) // 10
    low, high = spread[4 * step], spread[6 * step]
    return max(high - centre, centre - low) / abs(centre)


def _noise(share: float, rows: int) -> float:
    """How far a share of few rows is off by chance."""
    return _SAMPLING * math.sqrt(max(share * (1 - share), 0.0) / max(rows, 1))


def _shares(
    now: Profile, before: Sequence[Profile], allowed: Tolerance
) -> Iterator[Drift]:
    """Compare the shares of values, and of reasons, by PSI."""
    told = {
        name: column["values"]
        for name, column in now["columns"].items()
        if "values" in column and name not in allowed.ignore
    }
    for name, shares in {**told, "reason codes": now["reasons"]}.items():
        past = [
            profile["columns"].get(name, {}).get("values")
            if name in told
            else profile["reasons"]
            for profile in before
        ]
        known = [each for each in past if each]
        if len(known) < allowed.least_runs or not shares:
            continue
        rows = max(now["rows"], 1)
        mean = statistics.mean_shares(known)
        usually = [statistics.psi(mean, each, 0.5 / rows) for each in known]
        # By chance alone the index of k values is chi-square (k - 1) over n.
        free = max(len(mean) - 1, 1)
        chance = (free + _SAMPLING * math.sqrt(2 * free)) * 2 / rows
        yield _distance(
            "DRIFT_VALUES", name, "PSI", statistics.psi(mean, shares, 0.5 / rows),
            usually, max(allowed.floors["psi"], chance), allowed,
        )  # fmt: skip


def _numbers(
    now: Profile, before: Sequence[Profile], allowed: Tolerance
) -> Iterator[Drift]:
    """Compare how numbers are distributed, by KS distance."""
    for name, column in now["columns"].items():
        spread = column.get("quantiles")
        known = [
            quantiles
            for profile in before
            if (quantiles := profile["columns"].get(name, {}).get("quantiles"))
        ]
        if not spread or len(known) < allowed.least_runs or name in allowed.ignore:
            continue
        middle = statistics.median_quantiles(known)
        usually = [statistics.ks(middle, each) for each in known]
        filled = max(now["rows"] * (1 - column["nulls"]), 1)
        floor = max(allowed.floors["ks"], 2 * math.sqrt(2 / filled))
        far = statistics.ks(middle, spread)
        yield _distance(
            "DRIFT_NUMBERS", name, "KS distance", far, usually, floor, allowed
        )


def _distance(
    id_: str,
    column: str,
    figure: str,
    far: float,
    usually: Sequence[float],
    floor: float,
    allowed: Tolerance,
) -> Drift:
    """Grade a distance from the usual by how distant the usual runs are."""
    known = statistics.usual([(0, each) for each in usually], 0)
    limit = max(floor, known.centre + allowed.sensitivity * known.scale)
    return Drift(id_, column, figure, far, known.centre, limit, far)


def _slowly(
    now: Profile, before: Sequence[Profile], allowed: Tolerance
) -> Iterator[Drift]:
    """Compare the last week of runs with the oldest of a long window."""
    every = [*before, now]
    if len(before) < allowed.long:
        return
    ends = [
        [figures(profile, allowed.ignore) for profile in end]
        for end in (every[:_SLOW], every[-_SLOW:])
    ]
    for figure in ends[1][-1]:
        if not figure.creeps or any(figure not in f for end in ends for f in end):
            continue
        old, new = (median(each[figure] for each in end) for end in ends)
        unit = abs(old) if figure.relative else 1.0
        if unit:
            limit = max(
                2 * allowed.floors[figure.floor], _middle(figure, every[:_SLOW], old)
            )
            yield Drift(
                "DRIFT_SLOW", figure.column, f"{figure.name} over {len(every)} runs",
                new, old, limit, abs(new - old) / unit,
            )  # fmt: skip
