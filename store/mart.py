"""Where the tables of the last build are, and sessions that read them.

They are in DuckDB's warehouse, or Parquet files that the newest build record lists.
Commands read both by the same names, and do not know which engine made them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runtime import duck
from runtime.environment import DataDirectory, Limits
from runtime.exits import Misuse, Refused, Temporary
from store import build_records
from store.build_records import BuildRecord

if TYPE_CHECKING:
    import duckdb

_COLUMNS = ("invocation_id", "command", "built_at", "ended_at", "details", "states")


class Mart(msgspec.Struct, frozen=True):
    """The tables of the last build.

    Attributes:
        place: the data directory.
        engine: "duckdb" or "spark".
        record: of the newest Spark build, if there is one.
    """

    place: DataDirectory
    engine: str
    record: BuildRecord | None = None

    @property
    def path(self) -> Path:
        """The warehouse, or the record; for messages."""
        if self.engine == "duckdb":
            return self.place.warehouse
        return self.record.path if self.record else self.place.spark / "builds"

    @property
    def exists(self) -> bool:
        """Whether anything was built."""
        return self.path.exists() if self.engine == "duckdb" else bool(self.record)

    @contextmanager
    def session(
        self, limits: Limits, folder: Path, hashed: Collection[str] = ()
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open an in-memory database that has the tables as `warehouse`.

        Args:
            limits: memory and threads.
            folder: an existing folder on a disk with room.
            hashed: names of the tables whose Parquet files are hashed first.

        Raises:
            Misuse: nothing was built, or the warehouse cannot be read.
            Refused: a Parquet file is missing or changed.
            Temporary: dbt is writing to the warehouse, or a file is gone meanwhile.
        """

        def attach(connection: duckdb.DuckDBPyConnection) -> None:
            if self.engine == "duckdb":
                duck.attach_warehouse(connection, self.path)
            else:
                self._attach_parquet(connection, hashed)

        with self._explained(), duck.open_session(limits, folder, attach) as connection:
            yield connection

    @contextmanager
    def open(self, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the tables for reading, also by their names alone.

        Raises:
            As `session`.
        """
        if self.engine == "duckdb":
            with duck.open_warehouse(self.path, limits) as connection:
                yield connection
            return
        folder = self.place.data / "tmp"
        with self.session(limits, folder) as connection:
            connection.execute("use warehouse")
            yield connection

    def _attach_parquet(
        self, connection: duckdb.DuckDBPyConnection, hashed: Collection[str]
    ) -> None:
        record = self.record
        if record is None:
            raise Misuse(
                f"expected the record of a build in {self.path}, found none. Run "
                "`publish build`, or set FEEDS_ENGINE and FEEDS_DATA to what was built."
            )
        spark = self.place.spark
        record.check(spark, hashed)
        connection.execute("attach ':memory:' as warehouse")
        for table, listed in record.tables.items():
            view = f"warehouse.main.{duck.name(table)}"
            source = _source(connection, [*record.files(spark, table)])
            connection.execute(f"create view {view} as {source}")
            if table in hashed:
                count = duck.value(connection, f"select count(*) from {view}")
                if count != listed["rows"]:
                    raise Refused(
                        f"{record.path}: expected {listed['rows']:,} rows of {table}, "
                        f"found {count:,} in the files that it lists. Build again."
                    )
            build = duck.text(listed["build"])
            connection.execute(f"comment on view {view} is {build}")
        _record_builds(connection, build_records.made_by(self.place, record.builds))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            # DuckDB is imported only if a session was opened.
            lost = isinstance(error, duck.any_error()) and (
                str(self.place.spark) in str(error)
            )
            if not lost:
                raise
            raise Temporary(
                f"a file of {self.path} cannot be read any more: "
                f"{str(error).splitlines()[0]}. Try again."
            ) from None


def find(place: DataDirectory) -> Mart:
    """Return where the tables are.

    FEEDS_ENGINE chooses. Without it, what exists is used.

    Raises:
        Misuse: there is a warehouse and a Spark build, and nobody chose one.
        Refused: the newest record is damaged, or of a newer version of the product.
    """
    engine = place.engine
    if engine is None:
        built = bool(build_records.ids(place))
        if built and place.warehouse.exists():
            raise Misuse(
                "expected FEEDS_ENGINE to be duckdb or spark, found it unset, and "
                f"{place.data} has warehouse.duckdb and tables of Spark. Set it to the "
                "engine of your builds."
            )
        engine = "spark" if built else "duckdb"
    if engine == "duckdb":
        return Mart(place, engine)
    return Mart(place, engine, build_records.newest(place))


def _source(connection: duckdb.DuckDBPyConnection, files: list[Path]) -> str:
    """Return a query of Parquet files; a time is UTC and has no zone, as in DuckDB.

    Spark writes a `timestamp` as a moment, which DuckDB reads with a zone.
    """
    paths = ", ".join(map(duck.path_text, files))
    source = f"read_parquet([{paths}], hive_partitioning = false)"
    zoned = [
        f"timezone('UTC', {duck.name(row[0])}) as {duck.name(row[0])}"
        for row in connection.execute(f"describe from {source}").fetchall()
        if row[1] == "TIMESTAMP WITH TIME ZONE"
    ]
    replaced = f" replace ({', '.join(zoned)})" if zoned else ""
    return f"select *{replaced} from {source}"


def _record_builds(
    connection: duckdb.DuckDBPyConnection, records: list[BuildRecord]
) -> None:
    """Make the tables that macros/builds.sql makes in DuckDB's warehouse."""
    connection.execute(
        "create table warehouse.main.builds (invocation_id varchar, command varchar, "
        "built_at timestamp, ended_at timestamp, details varchar, states varchar)"
    )
    connection.execute(
        "create table warehouse.main.unit_tests_passed "
        "(code_digest varchar, unit_test varchar)"
    )
    for record in records:
        _insert(connection, "builds", [[record.row[name] for name in _COLUMNS]])
        if digest := record.content["details"].get("code_digest"):
            passed = [[digest, test] for test in sorted(record.unit_tests_passed)]
            _insert(connection, "unit_tests_passed", passed)


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: list[list[str]]
) -> None:
    # Literals: at its first query parameter DuckDB imports pandas.
    values = ", ".join(f"({', '.join(map(duck.text, row))})" for row in rows)
    if values:
        connection.execute(f"insert into warehouse.main.{table} values {values}")
