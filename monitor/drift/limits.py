"""The limits of drift: defaults, and what an exposure declares in `drift`."""

from collections.abc import Mapping
from typing import Any

import msgspec

# The least difference that is reported, however little a figure used to vary.
FLOORS: dict[str, float] = {
    "rows": 0.10,  # relative
    "nulls": 0.03,  # of all rows, as all shares
    "zeros": 0.05,
    "median": 0.10,  # relative
    "length": 0.15,  # relative
    "distinct": 0.25,  # different values per row; estimated to about 10 %
    "reasons": 0.05,  # of all source rows
    "lost": 0.12,  # rows added or removed since the last delivery
    "renamed": 0.10,  # rows whose text in a column changed
    "moves": 0.25,
}


class Tolerance(msgspec.Struct, frozen=True):
    """How far a figure may be from the usual.

    Attributes:
        window: the number of deliveries that are the usual.
        least_runs: with fewer deliveries nothing is compared.
        sensitivity: robust standard deviations (1.4826 MAD) that are usual.
        ignore: columns to leave out.
        snapshot: the file is all that the partner has. Then a loss of nearly all rows
            is reported even if rows used to vary widely.
        floors: the least difference, by kind of figure.
    """

    window: int = 28
    least_runs: int = 7
    sensitivity: float = 6
    ignore: tuple[str, ...] = ()
    snapshot: bool = True
    floors: Mapping[str, float] = msgspec.field(default_factory=lambda: FLOORS)

    @classmethod
    def from_declaration(cls, drift: Mapping[str, Any], snapshot: bool) -> "Tolerance":
        """Read the field `drift` of an exposure."""
        numbers = {
            name: drift[name]
            for name in ("window", "least_runs", "sensitivity")
            if name in drift
        }
        return cls(
            **numbers,
            ignore=tuple(drift.get("ignore", ())),
            snapshot=snapshot,
            floors={**FLOORS, **drift.get("floors", {})},
        )
