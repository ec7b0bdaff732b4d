"""Robust figures: the usual of a series, and distances of distributions.

Sources: median and MAD with 1.4826 as the normal-consistent factor; the population
stability index with its usual bands (0.10, 0.25, a convention); the Kolmogorov-Smirnov
distance, not its p-value, which is tiny for every file of some size.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

_FEW = 64


@dataclass(frozen=True, slots=True)
class Figure:
    """What is followed.

    Attributes:
        id: the finding it leads to.
        column: "" for the file.
        name: for people.
        floor: which floor it has.
        relative: compared as a share of its usual, else as it is.
        creeps: also followed over weeks.
    """

    id: str
    column: str
    name: str
    floor: str
    relative: bool = False
    creeps: bool = False


def figures(
    profile: Mapping[str, Any], ignore: Sequence[str] = ()
) -> dict[Figure, float]:
    """Return the figures of a profile that are plain numbers."""
    told = {Figure("DRIFT_ROWS", "", "rows", "rows", True, True): profile["rows"]}
    for name, column in profile["columns"].items():
        if name not in ignore and profile["rows"]:
            told |= _of_column(name, column, profile["rows"])
    moves = profile["moves"]
    for kind in ("added", "removed", "changed") if moves else ():
        floor = "moves" if kind == "changed" else "lost"
        figure = Figure("DRIFT_MOVES", "", f"share {kind}", floor)
        told[figure] = moves.get(kind, 0.0)
    # What did not move is not named, but is no less known.
    for name, column in profile["columns"].items() if moves else ():
        if name not in ignore:
            floor = "renamed" if column["kind"] == "text" else "moves"
            figure = Figure("DRIFT_MOVES", name, "share changed", floor)
            told[figure] = moves.get(f"changed {name}", 0.0)
    return told


def _of_column(name: str, column: Mapping[str, Any], rows: int) -> dict[Figure, float]:
    told = {
        Figure("DRIFT_NULLS", name, "share of empty", "nulls", creeps=True): column[
            "nulls"
        ]
    }
    if column["nulls"] == 1:
        return told
    if column["kind"] == "number":
        if column["median"] is not None:
            figure = Figure("DRIFT_NUMBERS", name, "median", "median", True, True)
            told[figure] = column["median"]
        figure = Figure("DRIFT_NUMBERS", name, "share of 0", "zeros", creeps=True)
        told[figure] = column["zeros"]
    if column["kind"] == "text":
        figure = Figure("DRIFT_TEXT", name, "length", "length", True)
        told[figure] = column["length"]
        if column["distinct"] > _FEW:
            figure = Figure("DRIFT_TEXT", name, "different values per row", "distinct")
            told[figure] = min(column["distinct"] / (rows * (1 - column["nulls"])), 1)
    return told


def weekday(profile: Mapping[str, Any]) -> int:
    """The weekday of a run's logical time; 0 is Monday."""
    return datetime.fromisoformat(profile["logical_time"]).weekday()


_NORMAL = 1.4826
_SAME_DAYS = 4  # so many runs of a weekday make one of their own


@dataclass(frozen=True, slots=True)
class Usual:
    """The centre of a series on a weekday, and its robust standard deviation."""

    centre: float
    scale: float


def usual(series: Sequence[tuple[int, float]], weekday: int) -> Usual:
    """Return what is usual on a weekday.

    Each value is compared with its own weekday where there are four or more of it,
    so that a quiet Sunday is not noise to a Tuesday; the spread is that of all.

    Args:
        series: weekday and value; not empty.
        weekday: 0 is Monday.
    """
    by_day: dict[int, list[float]] = {}
    for day, value in series:
        by_day.setdefault(day, []).append(value)
    every = median(value for _, value in series)
    centres = {
        day: median(values) if len(values) >= _SAME_DAYS else every
        for day, values in by_day.items()
    }
    spread = median(abs(value - centres[day]) for day, value in series)
    return Usual(centres.get(weekday, every), _NORMAL * spread)


def psi(before: Mapping[str, float], now: Mapping[str, float], least: float) -> float:
    """Return the population stability index of two sets of shares.

    Args:
        before: value -> share.
        now: the same.
        least: what a share of 0 counts as; half a row.
    """
    total = 0.0
    for value in before.keys() | now.keys():
        old, new = (max(shares.get(value, 0.0), least) for shares in (before, now))
        total += (new - old) * math.log(new / old)
    return total


def ks(before: Sequence[float], now: Sequence[float]) -> float:
    """Return the Kolmogorov-Smirnov distance of two distributions, by quantiles.

    Args:
        before: quantiles in even steps, ascending.
        now: the same, equally many.
    """
    steps = len(before)
    return max(
        abs(bisect_right(before, point) - bisect_right(now, point)) / steps
        for point in (*before, *now)
    )


def mean_shares(every: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean share of every value."""
    values = set().union(*every)
    return {
        value: sum(shares.get(value, 0.0) for shares in every) / len(every)
        for value in values
    }


def median_quantiles(every: Sequence[Sequence[float]]) -> list[float]:
    """Return the median of each quantile."""
    return [median(step) for step in zip(*every, strict=True)]
