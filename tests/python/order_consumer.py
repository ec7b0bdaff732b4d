"""The reference consumer of the order feed: files in, rows in SQLite.

It is not the loader that institutions get (consumer/load_orders.py), which is compared
with it: it reads by Python's csv, not by a database, and it can be wrong on purpose.

This is all that a reader has to do: take the files in the order of their dates, read
the declared dialect, and replace the rows of each file's orders in one transaction. It
imports nothing of ours.
"""

import csv
import json
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path

NAME = re.compile(r"(\d{4}-\d\d-\d\d)-(.+)-order-feed-(delta|full)\.csv")
# A whole file: every value in quotes, a backslash before quotes and backslashes only,
# LF at the end of every line.
VALUE = rb'"(?:[^"\\]|\\["\\])*"'
DIALECT = re.compile(rb"(?:%b(?:,%b)*\n)+" % (VALUE, VALUE))

Row = dict[str, str | None]


def read(file: Path) -> list[Row]:
    """Rows by column; "null" is a missing value."""
    with file.open(encoding="utf-8", newline="") as opened:
        lines = csv.reader(opened, doublequote=False, escapechar="\\", strict=True)
        header = next(lines)
        return [
            {
                name: None if value == "null" else value
                for name, value in zip(header, line, strict=True)
            }
            for line in lines
        ]


class Consumer:
    """The rows that an institution holds after the files it was sent.

    By section, as the feed's description says, a file replaces an order's rows in the
    sections that it names. By order, it replaces all rows of the order.
    """

    def __init__(self, by: str = "order", full_first: bool = False) -> None:
        self._by = by
        self._full_first = full_first
        self._held = sqlite3.connect(":memory:", isolation_level=None)
        self._held.execute("create table held (term, order_id, section, said)")
        self.applied: list[str] = []

    def take(self, files: Iterable[Path]) -> list[str]:
        """Apply files in date order; return the orders that a full no longer names."""
        missing = []
        for _, _, file in sorted((*self._place(file), file) for file in files):
            missing += self.apply(file)
        return missing

    def apply(self, file: Path) -> list[str]:
        """Apply one file in one transaction."""
        named = NAME.fullmatch(file.name)
        assert named, file.name
        _, term, kind = named.groups()
        rows = read(file)
        parts = {
            (row["order_id"], row["sis_section_id"] if self._by == "section" else None)
            for row in rows
        }
        self._held.execute("begin immediate")
        self._held.executemany(
            "delete from held where order_id = ?1 and (?2 is null or section = ?2)",
            sorted(parts, key=str),
        )
        self._held.executemany(
            "insert into held values (?, ?, ?, ?)",
            [
                (term, row["order_id"], row["sis_section_id"], json.dumps(row))
                for row in rows
            ],
        )
        self._held.execute("commit")
        self.applied.append(file.name)
        named_orders = {row["order_id"] for row in rows}
        held = self._held.execute(
            "select distinct order_id from held where term = ? order by 1", [term]
        ).fetchall()
        return [
            order for (order,) in held if kind == "full" and order not in named_orders
        ]

    def rows(self, term: str) -> list[Row]:
        """All rows of a term, sorted."""
        rows = self._held.execute("select said from held where term = ?", [term])
        return in_order(json.loads(one) for (one,) in rows)

    def close(self) -> None:
        self._held.close()

    def _place(self, file: Path) -> tuple[str, bool]:
        named = NAME.fullmatch(file.name)
        assert named, file.name
        return named[1], (named[3] == "full") != self._full_first


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Sort rows, duplicates kept: two tables are the same if these are equal."""
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
