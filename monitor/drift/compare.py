"""Compare a profile with the usual values of earlier deliveries."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from monitor.drift import statistics
from monitor.drift.limits import Tolerance
from monitor.drift.statistics import Figure, figures, middle_fifth, weekday

Profile = Mapping[str, Any]
# The loss of this share of a snapshot's rows is unusual, however its rows vary.
_WIPED = 0.9
_SAMPLING = 4  # standard errors by which chance may move a share of few rows


class Drift(msgspec.Struct, frozen=True):
    """One figure of one file, compared.

    Attributes:
        id: the finding that it leads to.
        column: a column or a reason code; "" for the file.
        figure: such as "rows" or "share of empty".
        observed: the value of this run.
        usual: the usual value of the runs before.
        limit: the greatest distance that is not reported.
        distance: of `observed` from `usual`.
    """

    id: str
    column: str
    figure: str
    observed: float
    usual: float
    limit: float
    distance: float

    @property
    def unusual(self) -> bool:
        """Whether the distance exceeds the limit."""
        return self.distance > self.limit

    @property
    def message(self) -> str:
        """The comparison as one line for a person."""
        where = f"{self.column}, " if self.column else ""
        return (
            f"{where}{self.figure} {self.observed:.4g}, usually {self.usual:.4g} "
            f"(off by {self.distance:.2g}, limit {self.limit:.2g})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the figure for `monitor drift --json`."""
        return {
            "id": self.id,
            "column": self.column,
            "figure": self.figure,
            "observed": self.observed,
            "usual": self.usual,
            "limit": self.limit,
            "far": self.distance,
            "told": self.unusual,
        }


def compare(now: Profile, before: Sequence[Profile], allowed: Tolerance) -> list[Drift]:
    """Compare a profile with those of earlier deliveries.

    Args:
        now: the profile of this run.
        before: earlier ones, oldest first; without files that were held.
        allowed: window, floors and sensitivity.

    Returns:
        Every figure, the most unusual ones first. Nothing if there are fewer than
        `least_runs` earlier ones.
    """
    window = before[-allowed.window :]
    if len(window) < allowed.least_runs:
        return []
    drifts = list(_compare(now, window, allowed))
    drifts.sort(key=lambda drift: -drift.distance / drift.limit)
    return drifts


def _compare(
    now: Profile, before: Sequence[Profile], allowed: Tolerance
) -> Iterator[Drift]:
    reasons = sorted({reason for each in (*before, now) for reason in each["reasons"]})
    past: dict[Figure, list[tuple[int, float]]] = {}
    for profile in before:
        for figure, value in figures(profile, allowed.ignore, reasons).items():
            past.setdefault(figure, []).append((weekday(profile), value))
    for figure, value in figures(now, allowed.ignore, reasons).items():
        series = past.get(figure, [])
        if len(series) < allowed.least_runs:
            continue
        known = statistics.usual(series, weekday(now))
        unit = abs(known.centre) if figure.relative else 1.0
        distance = abs(value - known.centre) / unit if unit else float(value != 0)
        limit = max(
            allowed.floors[figure.floor],
            allowed.sensitivity * (known.scale / unit if unit else 0.0),
            0.0 if figure.relative else _sampling_error(known.centre, now["rows"]),
            _median_room(figure, before, known.centre),
        )
        if figure.floor == "rows" and allowed.snapshot and value < known.centre:
            limit = min(limit, _WIPED)
        yield Drift(
            figure.id, figure.column, figure.name, value, known.centre, limit, distance
        )


def _median_room(figure: Figure, before: Sequence[Profile], centre: float) -> float:
    """Return how far a median may move, relative, inside the middle fifth.

    Where numbers are small and whole, such as pieces in stock, the median jumps by
    more than a tenth when almost nothing has changed.
    """
    from statistics import median

    if figure.floor != "median" or not centre:
        return 0.0
    columns = (profile["columns"].get(figure.column, {}) for profile in before)
    middles = [middle for column in columns if (middle := middle_fifth(column))]
    if not middles:
        return 0.0
    low, high = (median(ends) for ends in zip(*middles, strict=True))
    room: float = max(high - centre, centre - low) / abs(centre)
    return room


def _sampling_error(share: float, rows: int) -> float:
    """Return how far chance alone moves a share of so many rows."""
    return _SAMPLING * math.sqrt(max(share * (1 - share), 0.0) / max(rows, 1))
