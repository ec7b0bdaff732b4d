"""The figures of a profile, and the usual value of a series.

Source: median and MAD, with 1.4826 as the factor that makes MAD a standard deviation
of normal values.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

_FEW = 64  # a column with so few different values has no variety to follow
_NORMAL = 1.4826
_SAME_DAYS = 4  # runs of a weekday from which it has a centre of its own


class Figure(msgspec.Struct, frozen=True):
    """One number of a profile that is compared from run to run.

    Attributes:
        id: the finding that it leads to.
        column: a column or a reason code; "" for the file.
        name: for people.
        floor: the key of its least difference in `limits.FLOORS`.
        relative: the difference is a share of the usual value, else absolute.
    """

    id: str
    column: str
    name: str
    floor: str
    relative: bool = False


def figures(
    profile: Mapping[str, Any], ignore: Sequence[str] = (), reasons: Sequence[str] = ()
) -> dict[Figure, float]:
    """Return the figures of a profile.

    Args:
        profile: as `monitor.drift.profile` makes it.
        ignore: columns to leave out.
        reasons: the reason codes of all runs; a code that this run lacks counts as 0.
    """
    result = {Figure("DRIFT_ROWS", "", "rows", "rows", True): profile["rows"]}
    columns = {n: c for n, c in profile["columns"].items() if n not in ignore}
    if profile["rows"]:
        for name, column in columns.items():
            result |= dict(_column_figures(name, column, profile["rows"]))
    if shares := profile["reasons"]:
        for reason in reasons:
            figure = Figure("DRIFT_REASONS", reason, "share of source rows", "reasons")
            result[figure] = shares.get(reason, 0.0)
    moves = profile["moves"]
    for kind in ("added", "removed", "changed") if moves else ():
        floor = "moves" if kind == "changed" else "lost"
        figure = Figure("DRIFT_MOVES", "", f"share {kind}", floor)
        result[figure] = moves.get(kind, 0.0)
    # A profile names only the columns that changed; the others changed in 0 rows.
    for name, column in columns.items() if moves else ():
        floor = "renamed" if column["kind"] == "text" else "moves"
        figure = Figure("DRIFT_MOVES", name, "share changed", floor)
        result[figure] = moves.get(f"changed {name}", 0.0)
    return result


def _column_figures(
    name: str, column: Mapping[str, Any], rows: int
) -> Iterator[tuple[Figure, float]]:
    empty = column["nulls"]
    yield Figure("DRIFT_NULLS", name, "share of empty", "nulls"), empty
    if empty == 1:
        return
    if column["kind"] == "number":
        if column["median"] is not None:
            figure = Figure("DRIFT_NUMBERS", name, "median", "median", True)
            yield figure, column["median"]
        yield Figure("DRIFT_NUMBERS", name, "share of 0", "zeros"), column["zeros"]
    if column["kind"] == "text":
        yield Figure("DRIFT_TEXT", name, "length", "length", True), column["length"]
        if column["distinct"] > _FEW:
            figure = Figure("DRIFT_TEXT", name, "different values per row", "distinct")
            yield figure, min(column["distinct"] / (rows * (1 - empty)), 1)


def middle_fifth(column: Mapping[str, Any]) -> Sequence[float] | None:
    """Return the 40 % and 60 % quantiles of a column of numbers; None without any."""
    # Profiles of earlier versions have 41 quantiles instead, in steps of 2.5 %.
    quantiles: Sequence[float] = column.get("quantiles") or ()
    middle: Sequence[float] | None = column.get("middle") or quantiles[16:25:8] or None
    return middle


def weekday(profile: Mapping[str, Any]) -> int:
    """Return the weekday of a run's logical time; 0 is Monday."""
    return datetime.fromisoformat(profile["logical_time"]).weekday()


class Usual(msgspec.Struct, frozen=True):
    """The centre of a series on a weekday, and its robust standard deviation."""

    centre: float
    scale: float


def usual(series: Sequence[tuple[int, float]], weekday: int) -> Usual:
    """Return what is usual on a weekday.

    Each value is compared with its own weekday where there are four or more of it,
    so that a quiet Sunday adds no noise to a Tuesday. The spread is that of all days.

    Args:
        series: weekday and value; not empty.
        weekday: 0 is Monday.
    """
    from statistics import median

    by_day: dict[int, list[float]] = {}
    for day, value in series:
        by_day.setdefault(day, []).append(value)
    overall = median(value for _, value in series)
    centres = {
        day: median(values) if len(values) >= _SAME_DAYS else overall
        for day, values in by_day.items()
    }
    spread = median(abs(value - centres[day]) for day, value in series)
    return Usual(centres.get(weekday, overall), _NORMAL * spread)
