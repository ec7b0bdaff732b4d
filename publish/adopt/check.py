"""Casts the rows of an adopted file to the types of the feed, and lists the others."""

import duckdb

from publish.adopt.read import required
from runtime import duck
from store.feeds import Column, Feed

_ISO = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")
_TEXT = ("varchar", "text", "string")


def cast(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    columns: tuple[Column, ...],
    split: str | None,
) -> None:
    """Make `rows` of `given`, typed, and `problems`: line, column and what is wrong.

    A repeated key is a problem of all its rows but the last, and only where the feed
    promises that no two rows share their key.

    Args:
        connection: has `given`.
        feed: whose file it is.
        columns: those of `given`.
        split: the split value of the file.
    """
    cells = ", ".join(
        f"{_typed(column, feed)} as {duck.name(column.name)}" for column in columns
    )
    connection.execute(f"create temp table rows as select _line, {cells} from given")
    problems = [
        "select _line, '' as name, 'has ' || _fields || ' fields, other than the "
        "first line' as problem from given where _fields is not null"
    ]
    both = "given join rows as typed using (_line)"
    for column in columns:
        cell, label = duck.name(column.name), duck.text(column.name)
        problems.append(
            f"select _line, {label}, 'is no {column.type}: ' || given.{cell} "
            f"from {both} where given.{cell} is not null and typed.{cell} is null"
        )
        if column.name in required(feed):
            problems.append(
                f"select _line, {label}, 'has no value' from given "
                f"where {cell} is null and _fields is null"
            )
        if column.name == feed.split_by:
            problems.append(
                f"select _line, {label}, 'is of another file: ' || {cell} from given "
                f"where {cell} <> {duck.text(split or '')}"
            )
    if feed.primary_key:
        key = duck.names(feed.primary_key)
        problems.append(
            f"select _line, {duck.text(', '.join(feed.primary_key))}, 'is again in "
            "line ' || again from (select _line, lead(_line) over (partition by "
            f"{key} order by _line) as again from rows) where again is not null"
        )
    connection.execute(f"create temp table problems as {' union all '.join(problems)}")


def good_rows(feed: Feed, columns: tuple[Column, ...], split: str | None) -> str:
    """Return a query of the rows without a problem, with all columns of the state.

    Columns that the file lacks have no values; that of the split has its value.
    """
    there = {column.name for column in columns}

    def cell(column: Column) -> str:
        if column.name == feed.split_by and column.name not in there:
            return f"cast({duck.text(split or '')} as {column.type})"
        if column.name in there:
            return duck.name(column.name)
        return f"cast(null as {column.type})"

    cells = ", ".join(f"{cell(c)} as {duck.name(c.name)}" for c in feed.state_columns)
    return f"select {cells} from rows anti join problems using (_line)"


def _typed(column: Column, feed: Feed) -> str:
    cell = duck.name(column.name)
    if column.type in _TEXT:
        return cell
    if column.type == "date" or column.type.startswith("timestamp"):
        own = feed.dialect.date_format, feed.dialect.timestamp_format
        declared = filter(None, (column.format.format, *own))
        formats = ", ".join(map(duck.text, (*declared, *_ISO)))
        return f"cast(try_strptime({cell}, [{formats}]) as {column.type})"
    if column.format.words:
        true, false = map(duck.text, column.format.words)
        cell = f"case {cell} when {true} then 'true' when {false} then 'false' end"
    elif column.scale is not None:
        cell = column.format.unformatted(cell, column.scale, feed.dialect)
    typed = f"try_cast({cell} as {column.type})"
    if column.type == "boolean":
        return typed
    # DuckDB rounds digits that a type does not have.
    return f"case when try_cast({cell} as decimal(38, 9)) = {typed} then {typed} end"
