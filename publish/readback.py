"""The rendered file read back through its dialect, and compared with the mart.

Leaves a table `feed_text` in the scratch database, the fields as they stand in the
file, and over it a view `feed`, the same rows with the types of the contract.
"""

import csv
from pathlib import Path

import duckdb

from publish.bench import name, names, text, value
from publish.checks import EXAMPLES, Check
from publish.feeds import Column, Dialect, Feed
from publish.render import as_text, rows

_ADVICE = "This file must not leave; report it with the package."


def header(feed: Feed, path: Path) -> Check:
    """Check RUN_HEADER: the first line names the contract's columns, in order."""
    dialect = feed.dialect
    expected = [column.name for column in feed.columns]
    with path.open(encoding=dialect.encoding, newline="") as lines:
        doubled = dialect.escape == dialect.quote
        reader = csv.reader(
            lines,
            delimiter=dialect.delimiter,
            quotechar=dialect.quote,
            doublequote=doubled,
            escapechar=None if doubled else dialect.escape,
        )
        found = next(reader, [])
    if not dialect.header:
        # Without a header only the number of fields can be compared.
        good = not found or len(found) == len(expected)
        wrong = [] if good else found
    else:
        good = found == expected
        wrong = [
            f"{place}: expected {left}, found {right}"
            for place, (left, right) in enumerate(
                zip(_padded(expected, found), _padded(found, expected), strict=True), 1
            )
            if left != right
        ]
    return Check(
        "RUN_HEADER", "guards", good,
        f"the file has the {len(expected)} columns of the contract, in order"
        if good
        else f"the file's columns are not the contract's. {_ADVICE}",
        len(found), len(expected), len(wrong), tuple(wrong[:EXAMPLES]), hard=True,
    )  # fmt: skip


def same_rows(
    connection: duckdb.DuckDBPyConnection, feed: Feed, split: str | None, path: Path
) -> Check:
    """Check RUN_READBACK: the file holds the mart's rows, as a multiset.

    Leaves `feed_text` and `feed`, or neither if the file cannot be read.
    """
    mart, file = _as_delivered(feed, rows(feed, split)), "select * from feed"
    try:
        load(connection, feed, path)
        differing: list[tuple[object, ...]] = []
        if not _same(connection, feed, mart, file):
            differing = _differences(connection, mart, file)
    except duckdb.Error as error:
        connection.execute("drop view if exists feed")
        return Check(
            "RUN_READBACK", "guards", False,
            "the file cannot be read back through its own dialect: "
            f"{str(error).splitlines()[0]} Nothing more was asked of it. {_ADVICE}",
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


def load(connection: duckdb.DuckDBPyConnection, feed: Feed, path: Path) -> None:
    """Read the file into `feed_text`, all text, and cast it into `feed`."""
    columns = ", ".join(f"{text(column.name)}: 'varchar'" for column in feed.columns)
    connection.execute(
        f"create or replace table feed_text as select * from "
        f"read_csv({text(str(path))}, columns = {{{columns}}}, "
        f"{reading(feed.dialect)})"
    )
    typed = ", ".join(
        f"{_typed(column, name(column.name), feed.dialect)} as {name(column.name)}"
        for column in feed.columns
    )
    connection.execute(f"create or replace view feed as select {typed} from feed_text")


def _same(
    connection: duckdb.DuckDBPyConnection, feed: Feed, one: str, other: str
) -> bool:
    """Compare two queries as multisets, by two 64-bit hashes of every row.

    Ten times as fast as EXCEPT ALL both ways, and in little memory.
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


def loaded(connection: duckdb.DuckDBPyConnection) -> bool:
    """Say whether the file could be read back: whether `feed` is there."""
    return bool(
        connection.execute(
            "select 1 from duckdb_views() where view_name = 'feed' "
            "and database_name = current_database()"
        ).fetchone()
    )


def reading(dialect: Dialect) -> str:
    """Return the options of read_csv for a dialect; nothing is guessed.

    `new_line` is left out: DuckDB 1.5.6 with it and strict_mode reads no row of a
    file with CRLF, and says nothing. Without it both line ends are understood.
    """
    return ", ".join(
        (
            "auto_detect = false",
            "strict_mode = true",
            f"header = {str(dialect.header).lower()}",
            f"delim = {text(dialect.delimiter)}",
            f"quote = {text(dialect.quote)}",
            f"escape = {text(dialect.escape)}",
            f"nullstr = {text(dialect.null_text)}",
            # Under minimal quoting "" is an empty text and nothing is a missing value.
            f"allow_quoted_nulls = {str(dialect.quoting == 'all').lower()}",
        )
    )


def _typed(column: Column, cell: str, dialect: Dialect) -> str:
    if column.type.startswith("timestamp"):
        moment = f"strptime({cell}, {text(dialect.timestamp_format)})"
        return moment if column.type == "timestamp" else f"timezone('UTC', {moment})"
    if column.type == "date":
        return f"cast(strptime({cell}, {text(dialect.date_format)}) as date)"
    return f"cast({cell} as {column.type})"


def _as_delivered(feed: Feed, source: str) -> str:
    """Select the mart's rows with what the dialect says it drops, such as seconds."""
    cells = ", ".join(
        f"{_again(column, feed.dialect)} as {name(column.name)}"
        for column in feed.columns
    )
    return f"select {cells} from {source} as t"


def _again(column: Column, dialect: Dialect) -> str:
    cell = f"t.{name(column.name)}"
    if column.type == "date" or column.type.startswith("timestamp"):
        return _typed(column, as_text(column, cell, dialect), dialect)
    return cell


def _padded(one: list[str], other: list[str]) -> list[str]:
    return one + ["(none)"] * (len(other) - len(one))
