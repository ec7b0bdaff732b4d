"""The workbench: one bounded DuckDB connection that holds the warehouse read-only.

It stays open from the first byte rendered to the last table packed, so that dbt cannot
write another build in between. What is read back from a file goes into a database file
of its own, which is let go again before Great Expectations opens it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from publish.feeds import Relation
from runtime.environment import Limits
from runtime.exits import Misuse, Temporary


@contextmanager
def opened(
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


def lacking(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[Relation]
) -> list[str]:
    """Return the models whose tables the warehouse does not hold."""
    found = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = 'warehouse'"
    ).fetchall()
    return sorted(t.model for t in tables if (t.schema, t.name) not in found)


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
