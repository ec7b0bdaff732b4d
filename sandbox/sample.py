"""A made-up distributor of collision parts (stub)."""

from dataclasses import dataclass

from sandbox.records import Records


@dataclass(frozen=True, slots=True)
class Sample:
    """N items."""

    items: int = 2000
    seed: int = 1
    day: int = 0

    def fill(self, records: Records) -> None:
        """Fill."""
