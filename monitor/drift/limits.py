"""From when on a difference is told: defaults, and what an exposure says in `drift`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The least difference that is worth a word, however quiet a figure used to be.
FLOORS: dict[str, float] = {
    "rows": 0.10,  # relative
    "nulls": 0.03,  # of all rows, as all shares
    "zeros": 0.05,
    "median": 0.10,  # relative
    "length": 0.15,  # relative
    "distinct": 0.25,  # different values per row; they are counted to about 10 %
    "psi": 0.20,
    "ks": 0.12,
    "lost": 0.12,  # rows that came or went overnight
    "renamed": 0.10,  # rows whose text in a column is another
    "moves": 0.25,
}


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a figure may be from the usual.

    Attributes:
        window: how many delivered runs back are the usual.
        least_runs: fewer of them say nothing yet.
        sensitivity: how many robust standard deviations (1.4826 MAD) are usual.
        ignore: columns that are not looked at.
        snapshot: the file is all that the partner holds, so that a wipe-out is told
            even where rows used to vary wildly.
        floors: by kind of figure.
    """

    window: int = 28
    least_runs: int = 7
    sensitivity: float = 6
    ignore: tuple[str, ...] = ()
    snapshot: bool = True
    floors: Mapping[str, float] = field(default_factory=lambda: FLOORS)

    @classmethod
    def of(cls, told: Mapping[str, Any], snapshot: bool) -> "Tolerance":
        """Read what an exposure declares as `drift`."""
        plain = {
            name: told[name]
            for name in ("window", "least_runs", "sensitivity")
            if name in told
        }
        return cls(
            **plain,
            ignore=tuple(told.get("ignore", ())),
            snapshot=snapshot,
            floors={**FLOORS, **told.get("floors", {})},
        )

    @property
    def long(self) -> int:
        """How many runs back a slow change is looked for."""
        return self.window * 2
