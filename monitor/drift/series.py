"""The figures of a profile that are followed from run to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
