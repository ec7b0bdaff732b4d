"""Bytes to table, the way back from `render`: the fields as text, then with types.

Leaves a table `feed_text`, the fields as they stand in the file, and over it a view
`feed`, the same rows with the types of the contract.
"""

from pathlib import Path

import duckdb

from publish.bench import name, text
from publish.feeds import Feed
from publish.feeds.contract import Column, Dialect
from publish.render import as_text


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


def as_delivered(feed: Feed, source: str) -> str:
    """Select the mart's rows with what the dialect drops, as the agreement has it.

    It drops the seconds of a time, and, where every field is quoted, the difference
    between a missing value and a text that happens to be the null text. The models
    name such texts in the audit; no reader of the file could tell them apart.
    """
    cells = ", ".join(
        f"{_again(column, feed.dialect)} as {name(column.name)}"
        for column in feed.columns
    )
    return f"select {cells} from {source} as t"


def _again(column: Column, dialect: Dialect) -> str:
    cell = f"t.{name(column.name)}"
    if column.type == "date" or column.type.startswith("timestamp"):
        return _typed(column, as_text(column, cell, dialect), dialect)
    if dialect.quoting == "all" and column.type in ("varchar", "text", "string"):
        return f"nullif({cell}, {text(dialect.null_text)})"
    return cell


def _typed(column: Column, cell: str, dialect: Dialect) -> str:
    if column.type.startswith("timestamp"):
        moment = f"strptime({cell}, {text(dialect.timestamp_format)})"
        return moment if column.type == "timestamp" else f"timezone('UTC', {moment})"
    if column.type == "date":
        return f"cast(strptime({cell}, {text(dialect.date_format)}) as date)"
    return f"cast({cell} as {column.type})"
