"""A finding is one problem; a check result is what one check of health returns."""

from collections.abc import Mapping
from typing import Any

import msgspec

from monitor.catalogue import CATALOGUE, Kind

EXAMPLES = 3


class Finding(msgspec.Struct, frozen=True):
    """One problem of one source, file, destination or part of the machine.

    Attributes:
        id: a key of the catalogue; stable, for machines.
        about: the source, file, destination or part.
        message: what is wrong, in a sentence.
        since: when it began, UTC, if that is known.
        examples: at most three rows or names.
        unchecked: for CANNOT_TELL, the area that could not be checked.
        step: the next step, if it is more exact than that of the catalogue.
    """

    id: str
    about: str
    message: str
    since: str | None = None
    examples: tuple[str, ...] = ()
    unchecked: str = ""
    step: str = ""

    @property
    def kind(self) -> Kind:
        """The entry of the catalogue."""
        return CATALOGUE[self.id]

    @property
    def key(self) -> str:
        """The name of the problem until it ends: `FILE_HELD:onpart_inventory`."""
        return f"{self.id}:{self.about}"

    @property
    def remedy(self) -> str:
        """The next step."""
        return self.step or self.kind.remedy.replace("{about}", self.about)

    def to_json(self) -> dict[str, Any]:
        """Return the finding for `monitor health --json` and for alerts."""
        return {
            "key": self.key,
            "id": self.id,
            "severity": self.kind.severity,
            "about": self.about,
            "says": self.message,
            "do": self.remedy,
            "since": self.since,
            "examples": list(self.examples[:EXAMPLES]),
        }


class CheckResult(msgspec.Struct, frozen=True):
    """What a check returns: facts by name, and findings."""

    facts: Mapping[str, Any] = msgspec.field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def listed(things: list[str] | tuple[str, ...]) -> str:
    """Join the first three for a sentence, with the number of the others."""
    more = len(things) - EXAMPLES
    return ", ".join(things[:EXAMPLES]) + (f" and {more} more" if more > 0 else "")
