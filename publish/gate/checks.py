"""One question asked of a file, with what was seen and what was allowed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from runtime.duck import value
from store.feeds import Feed

APPROVE = "If it is right, `publish approve DIGEST --because ...` releases the file."


@dataclass(frozen=True, slots=True)
class GuardContext:
    """Two tables and a time.

    Attributes:
        connection: knows `feed`, the file as read back with the contract's types;
            `held`, the rows that the partner holds, if `holds`; and the warehouse.
        feed: the file's declaration.
        split: the value this file is for, if the feed is split.
        splits: all values that get a file at the logical time.
        at: the logical time, UTC.
        holds: whether the partner holds rows to compare with.
        last_rows: rows of the last file of this feed and split; None before the first.
        first: whether no file of this feed was delivered yet.
        accept_first: whether a first file may go out unseen (FEEDS_ACCEPT_FIRST).
    """

    connection: duckdb.DuckDBPyConnection
    feed: Feed
    split: str | None
    splits: tuple[str | None, ...]
    at: datetime
    holds: bool
    last_rows: int | None
    first: bool
    accept_first: bool

    def number(self, query: str) -> Any:
        """Return the one value of a query of one row."""
        return value(self.connection, query)


EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Check:
    """The answer to one question.

    Attributes:
        id: stable name, such as RUN_STALE or an expectation's id.
        gate: "dbt", "guards" or "suite": who asked.
        passed: the verdict.
        says: one sentence for a person, with what to do if it failed.
        observed: the figure seen, if it is one.
        limit: the figure allowed, if it is one.
        count: how many rows, nodes or values are wrong.
        examples: at most three of them.
        hard: nobody may release the file in spite of it.
    """

    id: str
    gate: str
    passed: bool
    says: str
    observed: Any = None
    limit: Any = None
    count: int = 0
    examples: tuple[Any, ...] = ()
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Gates:
    """All answers about one file, in the order in which they were asked."""

    checks: tuple[Check, ...]

    @property
    def closed(self) -> tuple[Check, ...]:
        """The checks that hold the file back."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def tally(self) -> str:
        """Passed and all, such as 57/58."""
        return f"{len(self.checks) - len(self.closed)}/{len(self.checks)}"

    def closed_despite(self, approved: Sequence[str]) -> tuple[Check, ...]:
        """Return what still holds the file once a person approved some checks."""
        return tuple(
            check for check in self.closed if check.hard or check.id not in approved
        )


def listed(things: Sequence[object]) -> str:
    """Join the first few things for a sentence, saying how many more there are."""
    shown = ", ".join(str(thing) for thing in things[:EXAMPLES])
    more = len(things) - EXAMPLES
    return f"{shown} and {more} more" if more > 0 else shown
