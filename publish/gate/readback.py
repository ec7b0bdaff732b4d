"""Reads the rendered file back by its own dialect and compares it with the mart."""

import csv
from itertools import zip_longest
from pathlib import Path

import duckdb

from publish.gate.checks import EXAMPLES, Check
from publish.render import load_back, rows, typed_sql
from runtime.duck import names, value
from store.feeds import Feed

_ADVICE = "Do not deliver this file; report it with the package."


def header(feed: Feed, path: Path) -> Check:
    """Check RUN_HEADER: the first line names the contract's columns, in order."""
    dialect = feed.dialect
    expected = [column.name for column in feed.columns]
    with path.open(encoding=dialect.encoding, newline="") as lines:
        names_read = next(csv.reader(lines, **dialect.for_csv), [])
    if not dialect.header:
        # Without a header only the number of fields can be compared.
        good = not names_read or len(names_read) == len(expected)
        wrong = [] if good else names_read
    else:
        good = names_read == expected
        wrong = [
            f"{place}: expected {left}, found {right}"
            for place, (left, right) in enumerate(
                zip_longest(expected, names_read, fillvalue="(none)"), 1
            )
            if left != right
        ]
    return Check(
        "RUN_HEADER", "guards", good,
        f"the file has the {len(expected)} columns of the contract, in order"
        if good
        else f"the file's columns are not the contract's. {_ADVICE}",
        len(names_read), len(expected), len(wrong), tuple(wrong[:EXAMPLES]), hard=True,
    )  # fmt: skip


def same_rows(
    connection: duckdb.DuckDBPyConnection, feed: Feed, split: str | None, path: Path
) -> Check:
    """Check RUN_READBACK: the file holds the mart's rows, as a multiset.

    Leaves `feed_text` and `feed`, or neither if the file cannot be read.
    """
    mart, file = typed_sql(feed, rows(feed, split)), "select * from feed"
    try:
        load_back(connection, feed, path)
        differing: list[tuple[object, ...]] = []
        if not _same(connection, feed, mart, file):
            differing = _differences(connection, mart, file)
    except duckdb.Error as error:
        connection.execute("drop view if exists feed")
        return Check(
            "RUN_READBACK", "guards", False,
            "the file cannot be read back through its own dialect: "
            f"{str(error).splitlines()[0]} No further check ran. {_ADVICE}",
            count=1, hard=True,
        )  # fmt: skip
    number = value(connection, "select count(*) from feed")
    good = not differing
    return Check(
        "RUN_READBACK", "guards", good,
        f"all {number:,} rows of the file, read back, are the rows of the mart"
        if good
        else f"the file, read back, and {feed.model.model} differ; a text may look "
        f"like the dialect's null text, or the file was changed. {_ADVICE}",
        len(differing), 0, len(differing),
        tuple(str(row) for row in differing[:EXAMPLES]), hard=True,
    )  # fmt: skip


def _same(
    connection: duckdb.DuckDBPyConnection, feed: Feed, one: str, other: str
) -> bool:
    """Compare two queries as multisets, by two 64-bit hashes of every row.

    This is ten times as fast as EXCEPT ALL both ways, and needs little memory.
    """
    cells = names(tuple(column.name for column in feed.columns))
    hashes = f"hash({cells}) as one, hash('again', {cells}) as two"
    return not connection.execute(
        f"select one, two from (select {hashes}, 1 as side from ({one}) "
        f"union all select {hashes}, -1 from ({other})) "
        "group by one, two having sum(side) <> 0 limit 1"
    ).fetchall()


def _differences(
    connection: duckdb.DuckDBPyConnection, mart: str, file: str
) -> list[tuple[object, ...]]:
    """Return up to 1,000 rows of each side that the other one lacks."""
    return [
        (side, *row)
        for side, left, right in (
            ("only in the mart", mart, file),
            ("only in the file", file, mart),
        )
        for row in connection.execute(
            f"select * from ({left} except all {right}) limit 1000"
        ).fetchall()
    ]
