"""Decides which items are removed and which stay, each with its reason."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from publish.prune.inventory import Key, Removable
from runtime.environment import Environment
from runtime.exits import Misuse

_UNUSED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Keep:
    """What retention keeps.

    Attributes:
        days: what is younger stays.
        runs: this many of the newest of each file and each source stay.
    """

    days: int
    runs: int

    @classmethod
    def read(cls, variables: Environment) -> "Keep":
        """Read FEEDS_KEEP_DAYS (730) and FEEDS_KEEP_RUNS (30).

        Raises:
            Misuse: a value is no number, or FEEDS_KEEP_SIZE of earlier versions is set.
        """
        if variables.optional("FEEDS_KEEP_SIZE"):
            raise Misuse(
                "FEEDS_KEEP_SIZE is set, but `publish prune` does not remove by size. "
                "Unset it, and set FEEDS_KEEP_DAYS and FEEDS_KEEP_RUNS."
            )
        return cls(
            variables.count("FEEDS_KEEP_DAYS", 730, 0, 100_000),
            variables.count("FEEDS_KEEP_RUNS", 30, 1),
        )

    def since(self, now: datetime) -> datetime:
        """Return the time from which on everything stays."""
        return now - timedelta(days=self.days)

    @property
    def rule(self) -> str:
        """The rule as a sentence."""
        return f"{self.days:,} days and the newest {self.runs:,} runs"


@dataclass(frozen=True, slots=True)
class Plan:
    """Items to remove and items that stay, each with the reason."""

    remove: tuple[tuple[Removable, str], ...]
    stay: tuple[tuple[Removable, str], ...]


def decide(
    items: Sequence[Removable], needed: Mapping[Key, str], keep: Keep, now: datetime
) -> Plan:
    """Decide for every item.

    Args:
        items: oldest first.
        needed: from `inventory.needed`.
        keep: the policy.
        now: UTC.
    """
    reasons = {**_reasons_of_age(items, keep, now), **needed}
    for item in items:
        if item.kind == "package" and item.key in reasons:
            for need in item.needs:
                if need not in needed:
                    reasons[need] = "a package that is kept was made of it"
    return Plan(
        tuple((p, _because(p, keep)) for p in items if p.key not in reasons),
        tuple((p, reasons[p.key]) for p in items if p.key in reasons),
    )


def _because(item: Removable, keep: Keep) -> str:
    if item.kind == "build":
        return "the newest build has no table of it"
    return f"beyond {keep.rule}"


def _reasons_of_age(
    items: Sequence[Removable], keep: Keep, now: datetime
) -> dict[Key, str]:
    """Return what is young, or among the newest runs of its file or source."""
    reasons: dict[Key, str] = {}
    count: Counter[tuple[str, str]] = Counter()
    for item in reversed(items):
        count[item.kind, item.group] += 1
        if item.kind == "build":
            # Tables can be built again. A build may run, and a command may read them.
            if item.at >= now - _UNUSED:
                reasons[item.key] = "it was written in the last day"
        elif item.at >= keep.since(now):
            reasons[item.key] = f"it is of the last {keep.days:,} days"
        elif item.kind != "state" and count[item.kind, item.group] <= keep.runs:
            reasons[item.key] = f"it is of the newest {keep.runs:,} runs"
    return reasons
