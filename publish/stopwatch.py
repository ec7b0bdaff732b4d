"""How long each step of a file took. The ledger keeps it: a package reads no clock."""

import time
from collections.abc import Mapping


class Stopwatch:
    """Seconds by step, each from the end of the one before it."""

    def __init__(self, before: Mapping[str, float] | None = None) -> None:
        """Start; steps that were timed before are kept."""
        self.seconds: dict[str, float] = dict(before or {})
        self._last = time.monotonic()

    def lap(self, step: str) -> float:
        """End a step; return its seconds, rounded as they are recorded."""
        now = time.monotonic()
        self.seconds[step] = round(now - self._last, 3)
        self._last = now
        return self.seconds[step]
