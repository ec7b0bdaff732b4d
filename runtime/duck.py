"""The workbench: one bounded DuckDB connection that holds the warehouse read-only.

It stays open from the first byte rendered to the last table packed, so that dbt cannot
write another build in between. What is read back from a file goes into a database file
of its own, which is let go again before Great Expectations opens it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from runtime.environment import Limits
from runtime.exits import Misuse, Temporary


@contextmanager
def open_session(
    work: Path, warehouse: Path, limits: Limits
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection that knows `warehouse`, and spills into the folder `work`.

    Raises:
        Misuse: there is no warehouse, or it cannot be read.
        Temporary: another process, usually dbt, is writing to it.
    """
    if not warehouse.exists():
        raise Misuse(
            f"expected a warehouse at {warehouse}, found none. Run `dbt build`, or "
            "set FEEDS_DATA to the data directory it wrote to."
        )
    connection = duckdb.connect(
        config={
            "memory_limit": _half(limits.memory),
            "threads": limits.threads,
            "temp_directory": str(work / "spill"),
            "autoinstall_known_extensions": False,
        }
    )
    try:
        connection.execute("set TimeZone = 'UTC'")
        try:
            connection.execute(
                f"attach {text(str(warehouse))} as warehouse (read_only)"
            )
        except duckdb.IOException as error:
            # DuckDB's words for a file that another process has open for writing.
            if "lock" not in str(error):
                raise Misuse(f"{warehouse} cannot be read: {error}") from None
            raise Temporary(
                f"{warehouse} is being written by another process, probably dbt. "
                f"{str(error).splitlines()[0]}. Try again when it has ended."
            ) from None
        yield connection
    finally:
        connection.close()


@contextmanager
def resting(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Give memory back while the block runs: another engine has its turn."""
    limit = value(connection, "select current_setting('memory_limit')")
    connection.execute("set memory_limit = '128MB'")
    try:
        yield
    finally:
        connection.execute(f"set memory_limit = {text(str(limit))}")


@contextmanager
def scratch(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[None]:
    """Work in the database file `path` while the block runs; then let it go."""
    connection.execute(f"attach {text(str(path))} as scratch")
    connection.execute("use scratch")
    try:
        yield
    finally:
        connection.execute("use memory")
        connection.execute("detach scratch")


def value(
    connection: duckdb.DuckDBPyConnection, query: str, *parameters: object
) -> object:
    """Return the one value of a query of one row."""
    row = connection.execute(query, list(parameters)).fetchone()
    if row is None:
        raise LookupError(f"no row from: {query}")
    found: object = row[0]
    return found


def parquet(files: Sequence[Path]) -> str:
    """Return a FROM clause item of Parquet files, columns matched by name."""
    paths = ", ".join(text(str(path)) for path in files)
    return f"read_parquet([{paths}], union_by_name = true)"


def _half(size: str) -> str:
    """Leave half to Python and to what DuckDB does not count, such as rows to write."""
    digits = re.match(r"[\d.]+", size)
    number = digits[0] if digits else "1"
    return f"{float(number) * 0.5:g}{size.removeprefix(number)}"


def name(identifier: str) -> str:
    """Quote an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def names(identifiers: tuple[str, ...]) -> str:
    """Quote and join SQL identifiers."""
    return ", ".join(name(identifier) for identifier in identifiers)


def text(literal: str) -> str:
    """Quote an SQL text literal."""
    return "'" + literal.replace("'", "''") + "'"


Row = Mapping[str, Any]


@contextmanager
def open_warehouse(path: Path, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
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


def sql_text(literal: str) -> str:
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


@contextmanager
def session(limits: Limits, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database that spills into `folder`/.spill when it must.

    Args:
        limits: memory and threads.
        folder: on the disk that has room; made by the caller.
    """
    with duckdb.connect(
        config={
            "memory_limit": limits.memory,
            "threads": limits.threads,
            "temp_directory": str(folder / ".spill"),
            "autoinstall_known_extensions": False,
        }
    ) as connection:
        yield connection


def file_names(files: list[Path]) -> list[str]:
    """File names as a query parameter."""
    return [str(file) for file in files]
