"""The warehouse, read-only, as whoever asks one question of it needs it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from runtime.environment import Limits
from runtime.exits import Misuse, Temporary

Row = Mapping[str, Any]


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for reading; several may read at once.

    Raises:
        Misuse: there is none, or it cannot be read.
        Temporary: dbt is writing it.
    """
    if not path.exists():
        raise Misuse(
            f"expected a warehouse at {path}, found none. Run `dbt build`, or set "
            "FEEDS_DATA to the data directory it wrote to."
        )
    config = {
        "memory_limit": limits.memory,
        "threads": str(limits.threads),
        "autoinstall_known_extensions": "false",
    }
    try:
        connection = duckdb.connect(str(path), read_only=True, config=dict(config))
    except duckdb.IOException as error:
        # DuckDB's words for a file that another process has open for writing.
        if "lock" not in str(error):
            raise Misuse(f"{path} cannot be read: {error}") from None
        raise Temporary(
            f"{path} is being written by another process, probably dbt. Try again "
            "when it has ended."
        ) from None
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def text(literal: str) -> str:
    """Quote an SQL text literal.

    Not a parameter: at the first one that DuckDB is given it imports pandas, which
    takes longer than all the rest of a question.
    """
    return "'" + literal.replace("'", "''") + "'"


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    """Return the rows of a query, each as a mapping of names to values."""
    found = connection.execute(query)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def tables(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Name the tables and views that dbt has built."""
    found = connection.execute(
        "select table_name from information_schema.tables"
    ).fetchall()
    return frozenset(row[0] for row in found)
