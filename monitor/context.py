"""What health reads: settings, dbt's artifacts, ledger. Each is read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from runtime import duck, formats
from runtime.environment import DataDirectory, Environment, Limits
from runtime.exits import Misuse, Stop
from runtime.files import read_json
from store import answers, feeds, mart
from store.feeds import Feed
from store.feeds.artifacts import Artifacts, declarations
from store.ledger import Ledger
from store.mart import Mart
from store.outbox import packages
from store.package import Package

CLOCK = "%Y-%m-%dT%H:%M:%SZ"


class Thresholds(msgspec.Struct, frozen=True):
    """The limits above which health reports a finding.

    Attributes:
        grace: how late a file or an extract may be.
        lock: how long a command may hold the lock.
        disk: bytes that must be free.
        check: the maximum age of the last `publish check`.
    """

    grace: timedelta
    lock: timedelta
    disk: int
    check: timedelta

    @classmethod
    def from_environment(cls, variables: Environment) -> Thresholds:
        """Read FEEDS_HEALTH_GRACE_MINUTES, _LOCK_HOURS, _DISK_MIB and _CHECK_DAYS."""
        return cls(
            timedelta(minutes=variables.number("FEEDS_HEALTH_GRACE_MINUTES", 60)),
            timedelta(hours=variables.number("FEEDS_HEALTH_LOCK_HOURS", 6)),
            variables.count("FEEDS_HEALTH_DISK_MIB", 1024) << 20,
            timedelta(days=variables.number("FEEDS_HEALTH_CHECK_DAYS", 7)),
        )


@dataclass(frozen=True)
class Context:
    """The files and settings of the project, and the time to check for (UTC)."""

    place: DataDirectory
    limits: Limits
    variables: Environment
    root: Path
    at: datetime
    thresholds: Thresholds

    @property
    def clock_limit(self) -> str:
        """An hour from now (UTC): a later time is of a clock that was ahead."""
        return f"{self.at + timedelta(hours=1):{CLOCK}}"

    @cached_property
    def target(self) -> Path:
        """The folder of dbt's artifacts."""
        return self.root / self.variables.text("DBT_TARGET_PATH", "target")

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """What dbt's manifest.json declares.

        Raises:
            Misuse: the file is missing.
        """
        path = self.target / "manifest.json"
        try:
            return declarations(path) or read_json(path)
        except FileNotFoundError:
            raise Misuse(
                f"expected dbt's {path}, found no such file. Run `dbt build` from the "
                "project root."
            ) from None

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, up to its first broken line."""
        return Ledger.read(self.place.ledger)

    @property
    def intact_ledger(self) -> Ledger:
        """The ledger, if it is whole: a part of it would give false findings.

        Raises:
            ValueError: the ledger is broken.
        """
        if self.ledger.broken:
            raise ValueError(f"the ledger is broken: {self.ledger.broken}")
        return self.ledger

    @cached_property
    def packages(self) -> tuple[Package, ...]:
        """Every package, oldest first.

        Raises:
            ValueError: the ledger is broken.
        """
        return tuple(packages(self.place.outbox, self.intact_ledger))

    @cached_property
    def feeds(self) -> tuple[Feed, ...]:
        """Every declared feed."""
        return feeds.read(Artifacts(self.manifest))

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Every source of a feed that `extract` reads."""
        return tuple(sorted(set().union(*(feed.sources for feed in self.feeds))))

    def landed(self, source: str) -> Mapping[str, Any] | None:
        """Return the report of a source's last complete extract; None without one.

        Raises:
            DamagedError: it is not as `extract` wrote it.
        """
        path = self.place.landing / "current" / source / "extract.json"
        return formats.read("extract", path) if path.exists() else None

    def landed_if_readable(self, source: str) -> Mapping[str, Any] | None:
        """Return the same; None if it cannot be read: `health.sources` reports it."""
        try:
            return self.landed(source)
        except (OSError, Stop):
            return None

    @cached_property
    def mart(self) -> Mart:
        """The tables of the last build.

        Raises:
            Stop: nobody chose one of two engines, or the build record is damaged.
        """
        return mart.find(self.place)

    @cached_property
    def _answers(self) -> answers.Answers:
        is_warehouse = self.mart.engine == "duckdb"
        return answers.read(self.place.warehouse) if is_warehouse else {}

    def ask(self, query: str) -> list[duck.Row] | None:
        """Return the rows of a query: of answers.json, or else of the tables.

        None if a table of it does not exist.

        Raises:
            Stop, duckdb.Error: the tables were asked and cannot answer.
        """
        if query in self._answers:
            return self._answers[query]
        with self.mart.open(self.limits) as connection:
            return answers.ask(connection, query)


def hours(length: timedelta) -> float:
    """Return a length of time in hours, for JSON."""
    return round(length.total_seconds() / 3600, 1)


def duration_text(length: timedelta) -> str:
    """Write a length of time for a person: minutes, hours or days."""
    seconds = length.total_seconds()
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return (
        f"{hours(length)} h" if seconds < 3 * 86400 else f"{seconds / 86400:.0f} days"
    )


def read_context(at: datetime | None) -> Context:
    """Read the environment.

    Args:
        at: the time to check for (UTC); now by default.
    """
    variables = Environment.read()
    return Context(
        DataDirectory.read(variables),
        Limits.read(variables),
        variables,
        Path.cwd(),
        at or datetime.now(UTC),
        Thresholds.from_environment(variables),
    )
