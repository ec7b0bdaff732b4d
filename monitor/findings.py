"""One thing that is not as it should be, and what a look returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.catalogue import CATALOGUE, Kind

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one source, file, destination or part of the machine.

    Attributes:
        id: a key of the catalogue; stable, for machines.
        about: which one.
        says: what is wrong, in a sentence.
        since: when it began, UTC, where that is known.
        examples: at most three rows or names.
        blind: for CANNOT_TELL, the area that could not be seen.
        step: the next step, where more is known than the catalogue can say.
    """

    id: str
    about: str
    says: str
    since: str | None = None
    examples: tuple[str, ...] = ()
    blind: str = ""
    step: str = ""

    @property
    def kind(self) -> Kind:
        """How bad it is, and what to do."""
        return CATALOGUE[self.id]

    @property
    def key(self) -> str:
        """Names the problem as long as it lasts: `FILE_HELD:onpart_inventory`."""
        return f"{self.id}:{self.about}"

    @property
    def do(self) -> str:
        """The next step."""
        return self.step or self.kind.do.replace("{about}", self.about)

    def told(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "key": self.key,
            "id": self.id,
            "severity": self.kind.severity,
            "about": self.about,
            "says": self.says,
            "do": self.do,
            "since": self.since,
            "examples": list(self.examples[:EXAMPLES]),
        }


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a look saw: facts by name, and what is wrong."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def listed(things: list[str] | tuple[str, ...]) -> str:
    """Join the first few for a sentence, saying how many more there are."""
    more = len(things) - EXAMPLES
    return ", ".join(things[:EXAMPLES]) + (f" and {more} more" if more > 0 else "")
