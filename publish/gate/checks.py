"""A check of a file, with what was observed and what is allowed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from runtime.duck import value
from store.feeds import Feed

APPROVE = "If it is right, `publish approve DIGEST --because ...` releases the file."


@dataclass(frozen=True, slots=True)
class GuardContext:
    """What a guard may read: the file, the rows of the partner, and the time.

    Attributes:
        connection: knows `feed`, the file as read back with the contract's types;
            `partner_rows` and `held_rows` (with former rows), if `has_partner_rows`;
            and the warehouse.
        feed: the file's declaration.
        split: the value of the file, if the feed is split.
        splits: all values that get a file at the logical time.
        at: the logical time, UTC.
        has_partner_rows: whether the partner has rows to compare with.
        last_rows: rows of the last file of this feed and split; None before the first.
        first: whether no file of this feed was delivered yet.
        accept_first: whether a first file may go out unapproved (FEEDS_ACCEPT_FIRST).
        changes: the rows of a file of changes; then `feed` is what the partner has with
            it.
    """

    connection: duckdb.DuckDBPyConnection
    feed: Feed
    split: str | None
    splits: tuple[str | None, ...]
    at: datetime
    has_partner_rows: bool
    last_rows: int | None
    first: bool
    accept_first: bool
    changes: str | None = None

    @property
    def owner(self) -> str:
        """What has the rows of `feed`, for a sentence."""
        return "with this file the partner" if self.changes else "the file"

    def number(self, query: str) -> Any:
        """Return the one value of a query of one row."""
        return value(self.connection, query)


EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        id: stable name, such as RUN_STALE or an expectation's id.
        gate: "dbt", "guards" or "suite".
        passed: whether it lets the file out.
        message: one sentence for a person, with what to do if it failed.
        observed: the value of the file, if it is one value.
        limit: the value that is allowed, if it is one value.
        count: how many rows, nodes or values are wrong.
        examples: at most three of them.
        hard: nobody may release a file that it holds.
    """

    id: str
    gate: str
    passed: bool
    message: str
    observed: Any = None
    limit: Any = None
    count: int = 0
    examples: tuple[Any, ...] = ()
    hard: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the check as gates.json has it: `says` is the message."""
        return {
            "id": self.id,
            "gate": self.gate,
            "verdict": "pass" if self.passed else "fail",
            "says": self.message,
            "observed": self.observed,
            "limit": self.limit,
            "count": self.count,
            "examples": [_flat(example) for example in self.examples],
            "hard": self.hard,
        }


def _flat(example: object) -> str:
    if isinstance(example, Mapping):
        return ", ".join(f"{name} {value}" for name, value in example.items())
    return str(example)


@dataclass(frozen=True, slots=True)
class Gates:
    """All checks of one file, in the order in which they ran."""

    checks: tuple[Check, ...]

    @property
    def closed(self) -> tuple[Check, ...]:
        """The checks that hold the file back."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def tally(self) -> str:
        """How many passed, of all, such as 57/58."""
        return f"{len(self.checks) - len(self.closed)}/{len(self.checks)}"

    def closed_despite(self, approved: Sequence[str]) -> tuple[Check, ...]:
        """Return the checks that hold the file after a person approved some."""
        return tuple(
            check for check in self.closed if check.hard or check.id not in approved
        )


def listed(values: Sequence[object]) -> str:
    """Join the first three values for a sentence, with the number of the others."""
    shown = ", ".join(str(value) for value in values[:EXAMPLES])
    more = len(values) - EXAMPLES
    return f"{shown} and {more} more" if more > 0 else shown
