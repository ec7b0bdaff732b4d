"""What the guards look at: the file as read back, beside what the partner holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from publish.bench import value
from publish.feeds import Feed

APPROVE = "If it is right, `publish approve DIGEST --because ...` releases the file."


@dataclass(frozen=True, slots=True)
class Scene:
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
