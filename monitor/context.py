"""What the other commands left, read once and only when a look asks for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from runtime import duck
from runtime.environment import Environment, Limits, Place
from runtime.exits import Misuse
from runtime.files import read_json
from store import feeds
from store.feeds import Feed
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger

CLOCK = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on something is told.

    Attributes:
        grace: how long after its time a file or an extract may be late.
        lock: how long a command may hold the lock.
        disk: bytes that must be free.
        check: how old the last `publish check` may be.
    """

    grace: timedelta
    lock: timedelta
    disk: int
    check: timedelta

    @classmethod
    def of(cls, variables: Environment) -> "Thresholds":
        """Read FEEDS_HEALTH_GRACE_MINUTES (60), _LOCK_HOURS (6), _DISK_MIB (1024)."""
        return cls(
            timedelta(minutes=variables.number("FEEDS_HEALTH_GRACE_MINUTES", 60)),
            timedelta(hours=variables.number("FEEDS_HEALTH_LOCK_HOURS", 6)),
            variables.count("FEEDS_HEALTH_DISK_MIB", 1024) << 20,
            timedelta(days=variables.number("FEEDS_HEALTH_CHECK_DAYS", 7)),
        )


@dataclass(frozen=True)
class Context:
    """Where everything lies, and the moment that is asked about (UTC)."""

    place: Place
    limits: Limits
    variables: Environment
    root: Path
    at: datetime
    patience: Thresholds

    @cached_property
    def target(self) -> Path:
        """The folder of dbt's artifacts."""
        return self.root / self.variables.text("DBT_TARGET_PATH", "target")

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The project, as dbt wrote it: manifest.json.

        Raises:
            Misuse: there is none.
        """
        path = self.target / "manifest.json"
        try:
            return read_json(path)
        except FileNotFoundError:
            raise Misuse(
                f"expected dbt's {path}, found no such file. Run `dbt build` from the "
                "project root."
            ) from None

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, as far as it holds."""
        return Ledger.read(self.place.ledger)

    @property
    def history(self) -> Ledger:
        """The ledger, if it is not broken: a part of it would give false findings.

        Raises:
            ValueError: it is broken.
        """
        if self.ledger.broken:
            raise ValueError(f"the ledger is broken: {self.ledger.broken}")
        return self.ledger

    @cached_property
    def feeds(self) -> tuple[Feed, ...]:
        """Every feed that is declared."""
        return feeds.read(Artifacts(self.manifest))

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Every source below a feed that `extract` lands."""
        return tuple(sorted(set().union(*(feed.sources for feed in self.feeds))))

    def landed(self, source: str) -> Mapping[str, Any] | None:
        """The report of a source's last complete extract; None without any."""
        path = self.place.landing / "current" / source / "extract.json"
        return read_json(path) if path.exists() else None

    @contextmanager
    def warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open what dbt has built, for reading."""
        with duck.open_warehouse(self.place.warehouse, self.limits) as connection:
            yield connection


def hours(length: timedelta) -> float:
    """Return a length of time in hours, for a machine."""
    return round(length.total_seconds() / 3600, 1)


def duration_text(length: timedelta) -> str:
    """Write a length of time for a person: minutes, hours or days."""
    seconds = length.total_seconds()
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return (
        f"{hours(length)} h" if seconds < 3 * 86400 else f"{seconds / 86400:.0f} days"
    )


def gather(at: datetime | None) -> Context:
    """Return where everything lies, by the environment, as of a moment."""
    variables = Environment.read()
    return Context(
        Place.of(variables),
        Limits.of(variables),
        variables,
        Path.cwd(),
        at or datetime.now(UTC),
        Thresholds.of(variables),
    )
