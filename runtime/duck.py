"""DuckDB connections with the limits of the environment, and small SQL helpers.

DuckDB takes a tenth of a second to import. It is imported where a database is opened,
so that commands that open none start fast.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.environment import Limits
from runtime.exits import Misuse, Refused, Temporary

if TYPE_CHECKING:
    import duckdb

Row = Mapping[str, Any]
Attach = Callable[["duckdb.DuckDBPyConnection"], None]


@contextmanager
def open_session(
    limits: Limits, folder: Path, attach: Attach | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database that spills to `folder`/.spill.

    Args:
        limits: memory and threads.
        folder: an existing folder on a disk with room.
        attach: adds the tables of dbt as `warehouse`, if given. Then the session uses
            half of the memory limit: Python needs the other half.
    """
    import duckdb

    memory = _half(limits.memory) if attach else limits.memory
    config = {**_config(limits, memory), "temp_directory": str(folder / ".spill")}
    with duckdb.connect(config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        if attach:
            attach(connection)
        yield connection


def attach_warehouse(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Attach a warehouse as `warehouse`: dbt cannot write another build meanwhile.

    Raises:
        Misuse: the warehouse does not exist or cannot be read.
        Temporary: another process, usually dbt, is writing to the warehouse.
    """
    with _explained(path):
        connection.execute(f"attach {text(str(path))} as warehouse (read_only)")


@contextmanager
def open_warehouse(path: Path, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse itself for reading. Several processes may read at once.

    Raises:
        Misuse: the warehouse does not exist or cannot be read.
        Temporary: another process, usually dbt, is writing to the warehouse.
    """
    import duckdb

    config = _config(limits, limits.memory)
    with _explained(path):
        connection = duckdb.connect(str(path), read_only=True, config=config)
    with connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def _config(limits: Limits, memory: str) -> dict[str, Any]:
    return {
        "memory_limit": memory,
        "threads": limits.threads,
        "autoinstall_known_extensions": False,
    }


@contextmanager
def _explained(warehouse: Path) -> Iterator[None]:
    import duckdb

    if not warehouse.exists():
        raise Misuse(
            f"expected a warehouse at {warehouse}, found none. Run `dbt build`, or "
            "set FEEDS_DATA to the data directory it wrote to."
        )
    try:
        yield
    except duckdb.IOException as error:
        if "version number" in str(error):
            raise Refused(
                f"{warehouse} was made by another version of DuckDB than "
                f"{duckdb.__version__}, which cannot read it. Remove it, and run `dbt "
                "build`: the warehouse can always be made again from what was landed."
            ) from None
        # DuckDB's message for a file that another process has open for writing.
        if "lock" not in str(error):
            raise Misuse(f"{warehouse} cannot be read: {error}") from None
        raise Temporary(
            f"{warehouse} is being written by another process, probably dbt. "
            f"{str(error).splitlines()[0]}. Try again when it has ended."
        ) from None


def any_error() -> type[Exception]:
    """Return the base of DuckDB's errors, for an `except`."""
    import duckdb

    return duckdb.Error


def missing_table() -> type[Exception]:
    """Return DuckDB's error for a table that does not exist, for an `except`."""
    import duckdb

    return duckdb.CatalogException


@contextmanager
def scratch(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Use the database `scratch` in the block; it is in memory and spills like it.

    A file costs three times as much, because DuckDB compresses what it writes.
    """
    connection.execute("attach ':memory:' as scratch")
    connection.execute("use scratch")
    try:
        yield
    finally:
        connection.execute("use memory")
        connection.execute("detach scratch")


def value(
    connection: duckdb.DuckDBPyConnection, query: str, *parameters: object
) -> Any:
    """Return the one value of a query of one row."""
    row = connection.execute(query, list(parameters)).fetchone()
    if row is None:
        raise LookupError(f"no row from: {query}")
    return row[0]


def parquet(files: Sequence[Path]) -> str:
    """Return a FROM clause item of Parquet files, columns matched by name."""
    paths = ", ".join(text(str(path)) for path in files)
    return f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"


def _half(size: str) -> str:
    """Halve a size. DuckDB does not count Python and the rows that it writes."""
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
    """Quote an SQL text literal.

    At its first query parameter DuckDB imports pandas, which takes longer than a
    small query: use literals where start-up matters.
    """
    return "'" + literal.replace("'", "''") + "'"


def columns_of(connection: duckdb.DuckDBPyConnection, source: str) -> set[str]:
    """Return the names of the columns that a FROM clause item has."""
    rows = connection.execute(f"describe from {source}").fetchall()
    return {row[0] for row in rows}


def path_text(path: Path) -> str:
    """Quote the path of one file to read, which DuckDB takes for a pattern."""
    return text(re.sub(r"[*?[]", r"[\g<0>]", str(path)))


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    """Return the rows of a query, each as a mapping of names to values."""
    result = connection.execute(query)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def tables(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Return the names of the tables and views that dbt has built."""
    names = connection.execute(
        "select table_name from information_schema.tables"
    ).fetchall()
    return frozenset(row[0] for row in names)
