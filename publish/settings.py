"""The settings of one command: read once, never changed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runtime.environment import DataDirectory, Environment, Limits


@dataclass(frozen=True, slots=True)
class Redelivery:
    """A request to deliver what the partner has already: by whom, and why.

    The same bytes, or a file of a day before that of the last file.
    """

    by: str
    because: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one command.

    Attributes:
        root: the project root, where dbt's target and the suites lie.
        variables: for destinations and FEEDS_COMMIT, read when they are needed.
        place: the environment and its data directory.
        limits: memory and threads for DuckDB.
        at: the logical time, UTC: of names, due times and ages.
        due: take only files whose cadence fell due since their last delivery.
        dry_run: do everything except deliver.
        accept_first: FEEDS_ACCEPT_FIRST: a first file needs no approval.
        bar: show progress bars.
        redelivery: deliver what the partner has already; None if that is refused.
    """

    root: Path
    variables: Environment
    place: DataDirectory
    limits: Limits
    at: datetime
    due: bool
    dry_run: bool
    accept_first: bool
    bar: bool
    redelivery: Redelivery | None = None

    @property
    def logical_time(self) -> str:
        """The logical time as every record writes it."""
        return format_utc(self.at)


def format_utc(moment: datetime) -> str:
    """Write a UTC time to the second, such as 2026-01-15T06:00:00Z."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
