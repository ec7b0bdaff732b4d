"""Both feeds built on Spark: the rows, the record and the refusals of DuckDB."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import spark
from built_project import land_everything
from conftest import spoil
from landing import hold

from runtime.environment import DataDirectory
from store import build_records

NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
Build = Callable[..., tuple[int, str]]


def records(data: Path) -> list[dict[str, Any]]:
    """Return the records of the builds that ended, the oldest first."""
    whole = [path.parent for path in (data / "spark/builds").glob("*/_SUCCESS")]
    read = [json.loads(next(path.glob("part-*")).read_text()) for path in whole]
    return sorted(read, key=lambda record: record["built_at"])


def differences(data: Path, record: dict[str, Any]) -> list[tuple[object, ...]]:
    """Return how many rows of each table only one of the engines has."""
    differing = []
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as opened:
        opened.execute("set TimeZone = 'UTC'")
        for table, place in record["tables"].items():
            files = f"read_parquet('{data}/spark/{place['folder']}/*.parquet')"
            columns = opened.sql(f"select * from {table} limit 0").columns
            assert opened.sql(f"select * from {files} limit 0").columns == columns
            sides = [f"select {', '.join(columns)} from {each}" for each in
                     (table, files)]  # fmt: skip
            counts = [
                opened.sql(f"select count(*) from ({query})").fetchall()[0][0]
                for query in (
                    f"{sides[0]} except all {sides[1]}",
                    f"{sides[1]} except all {sides[0]}",
                    sides[0],
                )
            ]
            if counts[:2] != [0, 0] or counts[2] != place["rows"]:
                differing.append((table, place["rows"], *counts))
    return differing


@pytest.mark.timeout(1200)
def test_a_build_on_spark_has_the_rows_and_the_record_of_duckdb(
    project: Path, data: Path, tmp_path: Path, build: Build
) -> None:
    """A seed has cells that break texts; partners have rows of an earlier delivery."""
    spark.require()
    land_everything(data)
    with (project / "seeds/protected_parts.csv").open("a") as seed:
        seed.write('O\'Neil-1,,"C:\\new, \'quoted\' ""twice"""\nBACK\\,true,\\\n')
    assert build(project=project)[0] == 0
    for model in ("inventory_feed", "order_feed_v2"):
        with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as opened:
            hold(opened, f"select * from {model} limit 3", data, model, "partner")
    code, output = build(project=project)
    assert code == 0, output
    ran = spark.dbt(tmp_path, data, "build", *NO_UNIT_TESTS, project=project)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (record,) = records(data)
    assert {"inventory_feed", "inventory_audit", "order_audit", "order_feed_v2",
            "order_feed_delta_v2", "order_terms", "protected_parts"} <= {
                *record["tables"]}  # fmt: skip
    assert differences(data, record) == []
    assert [state["model"] for state in record["states"]] == [
        "inventory_feed", "order_feed_v2",
    ]  # fmt: skip
    assert record["command"] == "build"
    assert record["ended_at"] > record["built_at"]
    statuses = {each["status"] for each in record["details"]["results"]}
    assert statuses <= {"success", "pass", "no-op"}
    (folder,) = {each["build"] for each in record["tables"].values()}
    assert folder == record["invocation_id"]

    # Every file is known by its bytes, so that a changed one is noticed.
    place = DataDirectory("dev", data)
    files = [each for table in record["tables"].values() for each in
             table["files"].values()]  # fmt: skip
    assert {(*each,) for each in files} == {("bytes", "sha256")}
    built = build_records.read(place, folder)
    built.check(place.spark, built.tables)
    assert {path for table in built.tables for path in built.files(place.spark, table)
            } == {*(data / "spark" / folder).glob("*/*.parquet")}  # fmt: skip

    # A build was killed after this one: the catalog has its tables, but no record does.
    earlier = "00000000-0000-4000-8000-000000000000"
    for table in record["tables"].values():
        table.update(folder=table["folder"].replace(folder, earlier), build=earlier)
    record["invocation_id"] = earlier
    record["details"]["code_digest"] = "a digest"
    record["details"]["results"] += [
        {"unique_id": "unit_test.p.m.one", "status": "pass"},
        {"unique_id": "unit_test.p.m.two", "status": "fail"},
    ]
    record["unit_tests_passed"] = ["unit_test.p.m.three"]
    build_records.write(place, record)
    build_records.remove(place, folder)

    # A null where the contract allows none is refused, and the record has the failure.
    # The path of the data directory is a relative one, as by default.
    mart = project / "models/marts/inventory_feed.sql"
    spoil(
        mart,
        "        location_code,\n",
        "        nullif(location_code, 'MAIN') as location_code,\n",
    )
    ran = spark.dbt(
        tmp_path, Path(os.path.relpath(data, project)), "build",
        "--select", "inventory_feed", *NO_UNIT_TESTS, project=project,
        FEEDS_CODE_DIGEST="a digest",
    )  # fmt: skip
    assert ran.returncode == 1, ran.stdout
    assert "NOT NULL constraint failed: inventory_feed.location_code" in ran.stdout
    _, second = records(data)
    (failed,) = [
        each for each in second["details"]["results"] if each["status"] == "error"
    ]
    assert failed["unique_id"] == "model.partner_feeds.inventory_feed"
    assert second["details"]["code_digest"] == "a digest"
    assert second["unit_tests_passed"] == ["unit_test.p.m.one", "unit_test.p.m.three"]
    of_both = second["tables"]
    assert of_both.pop("inventory_feed")["build"] == second["invocation_id"]
    del record["tables"]["inventory_feed"]
    assert of_both == record["tables"]
