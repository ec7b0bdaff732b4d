"""Both feeds built on Spark: the rows, the record and the refusals of DuckDB."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import commands
import duckdb
import pytest
import spark
from built_project import NIGHTS, BuiltProject, land_everything
from conftest import spoil
from landing import hold

from publish.replay import build as replay
from runtime.environment import DataDirectory
from store import build_records
from store.package import Package

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


def publish(data: Path, project: Path, target: Path, folder: Path, engine: str) -> Path:
    """Publish a copy of a data directory by the tables of one engine.

    The build has no unit tests, so the files are held. The ledger is of a partner that
    is no destination, so it is left out, and what the build read of it.

    Args:
        data: the data directory that is copied.
        project: the project.
        target: dbt's artifacts.
        folder: for the copy.
        engine: duckdb or spark. With spark the build has the id and the times that it
            had on DuckDB, which was published before.

    Returns:
        The folder with the packages.
    """
    tables = {"duckdb": "warehouse.duckdb", "spark": "spark"}
    others = {"ledger.jsonl", "ledger.head", *tables.values()} - {tables[engine]}
    copy = folder / engine
    shutil.copytree(
        data, copy, symlinks=True, ignore=lambda _, names: others & {*names}
    )
    if engine == "duckdb":
        with duckdb.connect(str(copy / "warehouse.duckdb")) as opened:
            opened.execute("update builds set states = '[]'")
    else:
        place = DataDirectory("dev", copy, engine)
        newest = build_records.newest(place)
        assert newest
        build_records.remove(place, newest.id)
        build_records.write(place, {**newest.content, "states": []})
        (package, *_) = (folder / "duckdb/outbox/onpart_inventory").iterdir()
        replay.copy_times(place, Package(package))
    partner = folder / f"partner of {engine}"
    (partner / "dev/order-feed").mkdir(parents=True)
    published = commands.run(
        "publish", "--at", NIGHTS[0], cwd=project,
        env={
            "FEEDS_DATA": copy, "FEEDS_ENGINE": engine, "FEEDS_ACCEPT_FIRST": 1,
            "DBT_TARGET_PATH": target,
            "DEST_ONPART_URL": partner.as_uri(), "DEST_ORDERS_URL": partner.as_uri(),
        },
    )  # fmt: skip
    assert published.returncode == 1, published.stderr
    return copy / "outbox"


def contents(outbox: Path) -> dict[str, bytes]:
    """Return the bytes of every file of the packages.

    How many tables a file has is left out: `inventory_audit` is a table on Spark, and
    a view on DuckDB. `gates.json` and `gates.html` say it, and SHA256SUMS has their
    digests.
    """
    read = {}
    for path in filter(Path.is_file, outbox.rglob("*")):
        content = path.read_bytes()
        if path.name in ("gates.json", "gates.html"):
            content, times = re.subn(rb"made all \d tables of", b"made all of", content)
            assert times
        elif path.name == "SHA256SUMS":
            content = re.sub(rb"\w{64}(  gates)", rb"\1", content)
        read[str(path.relative_to(outbox))] = content
    return read


def build_on_both(
    project: Path, data: Path, folder: Path, build: Build, built: BuiltProject
) -> dict[str, Any]:
    """Build by both engines, and return the record of Spark's build.

    A seed has cells that break texts; partners have rows of an earlier delivery.
    """
    spark.require()
    land_everything(data)
    with (project / "seeds/protected_parts.csv").open("a") as seed:
        seed.write('O\'Neil-1,,"C:\\new, \'quoted\' ""twice"""\nBACK\\,true,\\\n')
    earlier = str(built.data / "warehouse.duckdb")  # of the same records
    for model in ("inventory_feed", "order_feed_v2"):
        with duckdb.connect(earlier, read_only=True) as opened:
            hold(opened, f"select * from {model} limit 3", data, model, "partner")
    code, output = build(project=project)
    assert code == 0, output
    ran = spark.dbt(folder, data, "build", *NO_UNIT_TESTS, project=project)
    assert ran.returncode == 0, spark.faults(ran)
    (record,) = records(data)
    return record


@pytest.mark.timeout(1200)
def test_a_build_on_spark_has_the_rows_and_the_record_of_duckdb(
    project: Path, data: Path, tmp_path: Path, build: Build, built: BuiltProject
) -> None:
    record = build_on_both(project, data, tmp_path, build, built)
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
    known = build_records.read(place, folder)
    known.check(place.spark, known.tables)
    assert {path for table in known.tables for path in known.files(place.spark, table)
            } == {*(data / "spark" / folder).glob("*/*.parquet")}  # fmt: skip

    # Every file of every package has the bytes of DuckDB.
    expected, of_spark = (
        contents(publish(data, project, tmp_path / target, tmp_path / "both", engine))
        for target, engine in (("target", "duckdb"), ("spark target", "spark"))
    )
    assert len(expected) > 25
    assert of_spark == expected


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_build_of_one_file_keeps_the_other_tables_and_a_null_is_refused(
    project: Path, data: Path, tmp_path: Path, build: Build, built: BuiltProject
) -> None:
    record = build_on_both(project, data, tmp_path, build, built)
    folder, place = record["invocation_id"], DataDirectory("dev", data)

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
        FEEDS_CODE_DIGEST="a digest", FEEDS_ENGINE="spark",
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
