"""What one command runs with: read once, never changed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runtime.environment import Environment, Limits, Place


@dataclass(frozen=True, slots=True)
class Again:
    """A person's word that bytes shall be delivered again: who, and why."""

    by: str
    because: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one command.

    Attributes:
        root: the project root, where dbt's target and the suites lie.
        variables: for destinations and FEEDS_COMMIT, read when they are needed.
        place: the environment and its data directory.
        limits: memory and threads for DuckDB.
        at: the logical time, UTC; decides names, due times and staleness.
        due: only files whose cadence fell due since they were last settled.
        dry_run: do everything but deliver.
        accept_first: FEEDS_ACCEPT_FIRST, let a first file out without approval.
        bar: show progress bars.
        again: deliver what the partner has already, by whose word; None for no.
    """

    root: Path
    variables: Environment
    place: Place
    limits: Limits
    at: datetime
    due: bool
    dry_run: bool
    accept_first: bool
    bar: bool
    again: Again | None = None

    @property
    def logical_time(self) -> str:
        """The logical time as every record writes it."""
        return stamp(self.at)


def stamp(moment: datetime) -> str:
    """Write a UTC time to the second, such as 2026-01-15T06:00:00Z."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
