"""How long and how much is kept: three variables, with defaults that lose nothing soon.

Something is let go only if it is older than FEEDS_KEEP_DAYS *and* beyond the newest
FEEDS_KEEP_RUNS of its kind. FEEDS_KEEP_SIZE, if set, lets the oldest go before their
time until the rest fits; what must be kept is kept even so.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from runtime.environment import Environment
from runtime.exits import Misuse

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Keep:
    """What retention keeps.

    Attributes:
        days: younger than this stays.
        runs: so many of the newest of each file and each source stay.
        size: bytes that all of it may take; None for no limit.
    """

    days: int
    runs: int
    size: int | None

    @classmethod
    def of(cls, variables: Environment) -> "Keep":
        """Read FEEDS_KEEP_DAYS (730), FEEDS_KEEP_RUNS (30), FEEDS_KEEP_SIZE (none)."""
        return cls(
            variables.count("FEEDS_KEEP_DAYS", 730, 0, 100_000),
            variables.count("FEEDS_KEEP_RUNS", 30, 1),
            _bytes(variables.optional("FEEDS_KEEP_SIZE")),
        )

    def since(self, now: datetime) -> datetime:
        """Return the time from which on everything stays."""
        return now - timedelta(days=self.days)

    @property
    def rule(self) -> str:
        """The rule as a sentence."""
        size = f", at most {self.size:,} bytes" if self.size is not None else ""
        return f"{self.days:,} days and the newest {self.runs:,} runs{size}"


def _bytes(text: str | None) -> int | None:
    if text is None:
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise Misuse(f"FEEDS_KEEP_SIZE must be a size such as 50GB, but is {text!r}.")
    number, prefix, binary = match.groups()
    base = 1024 if binary else 1000
    return int(float(number) * base ** " KMGT".index(prefix.upper() or " "))
