"""The tables of a DuckDB warehouse as a build on Spark leaves them: docs/mart.md.

Whatever writes this form makes a mart that `publish` reads. A time is written as a
moment, as Spark writes its type `timestamp`, and a table has several files.
"""

import json
import uuid
from pathlib import Path
from typing import Any

import duckdb

from runtime import duck
from runtime.environment import DataDirectory
from runtime.files import sha256_of
from store import build_records

_OURS = ("builds", "unit_tests_passed")  # of macros/builds.sql


def export(data: Path, build: str = "", **facts: Any) -> dict[str, Any]:
    """Write the tables and views of `data`/warehouse.duckdb, then their record.

    Args:
        data: the data directory.
        build: the id of the build; default that of the warehouse's newest.
        facts: what the record has in place of the facts of the warehouse.

    Returns:
        The content of the record.
    """
    place = DataDirectory("dev", data)
    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        (newest,) = duck.rows(connection, "from builds order by built_at desc limit 1")
        build = build or newest["invocation_id"]
        existing = duck.tables(connection)
        passed = []
        if "unit_tests_passed" in existing:
            passed = connection.execute(
                "select unit_test from unit_tests_passed order by all"
            ).fetchall()
        tables = {
            name: write_table(connection, name, place.spark, build)
            for name in sorted(existing - {*_OURS})
        }
    content = {
        "engine": "spark",
        "invocation_id": build,
        "command": newest["command"],
        "built_at": str(newest["built_at"]),
        "ended_at": str(newest["ended_at"]),
        "states": json.loads(newest["states"]),
        "details": json.loads(newest["details"]),
        "unit_tests_passed": [name for (name,) in passed],
        "tables": tables,
        **facts,
    }
    build_records.write(place, content)
    return content


def write_table(
    connection: duckdb.DuckDBPyConnection, table: str, spark: Path, build: str
) -> dict[str, Any]:
    """Write a table into two files, in another order than it has; return its facts."""
    folder = spark / build / table
    folder.mkdir(parents=True)
    described = connection.execute(f"describe {duck.name(table)}").fetchall()
    cells = ", ".join(
        duck.name(row[0]) + ("::timestamptz" if row[1] == "TIMESTAMP" else "")
        + f" as {duck.name(row[0])}"
        for row in described
    )  # fmt: skip
    ordered = f"select * from {duck.name(table)} as t order by hash(t)"
    files = {}
    for number in (0, 1):
        path = folder / f"part-0000{number}-{uuid.uuid4()}-c000.snappy.parquet"
        connection.execute(
            f"copy (select {cells} from ({ordered}) as t "
            f"where hash(t) % 2 = {number}) to {duck.text(str(path))} (format parquet)"
        )
        files[path.name] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    count = duck.value(connection, f"select count(*) from {duck.name(table)}")
    return {
        "folder": f"{build}/{table}", "build": build, "rows": count, "files": files
    }  # fmt: skip
