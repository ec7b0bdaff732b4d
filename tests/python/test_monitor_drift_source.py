"""A source sends another kind of value; nothing meets a mapping any more."""

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from health_house import House, copied, the_house  # noqa: F401

RUNS = ("20260112T055500Z-000000", "20260113T055500Z-000000", "20260114T055500Z-000000")


@pytest.fixture
def house(sent: House, tmp_path: Path) -> House:
    house = copied(sent, tmp_path)
    shutil.rmtree(house.data / "profiles/_landing")

    def edit(manifest: dict[str, Any]) -> None:
        matches = {
            "column": "location_name", "source": "ordertime",
            "model": "stg_ordertime__locations", "in": "name",
        }  # fmt: skip
        for name, kind, meta in (
            ("location_map", "seed", {"matches": matches}),
            ("stg_ordertime__locations", "model", {}),
        ):
            manifest["nodes"][f"{kind}.x.{name}"] = {
                "name": name, "alias": name, "schema": "main", "resource_type": kind,
                "config": {"meta": meta},
            }  # fmt: skip

    house.document("target/manifest.json", edit)
    with duckdb.connect(str(house.data / "warehouse.duckdb")) as opened:
        opened.execute("create table location_map as select 'HQ' as location_name")
        opened.execute("insert into location_map values ('Never There')")
        opened.execute("create table stg_ordertime__locations as select ' hq' as name")
    return house


def land(house: House, run: str, weight: str, unknown: str) -> None:
    """Land ten items in a run, and make it current."""
    folder = house.data / "landing" / run / "ordertime"
    current = house.data / "landing/current/ordertime"
    if not folder.exists():
        shutil.copytree(current.resolve(), folder)
        current.unlink()
        current.symlink_to(f"../{run}/ordertime")
    house.extracted(lambda told: told.update(run_id=run))
    duckdb.execute(
        f"copy (select id as Id, {weight} as Weight, "
        f"{{'Size': {unknown}, 'a \"b\".c''d': 'x'}}::json as _unrecognised, "
        f"'{run}' as _extract_run_id from range(10) as r(id)) "
        f"to '{folder / 'part_items.parquet'}'"
    )
    assert house.run("drift").returncode == 0


def test_a_field_of_another_kind_is_told(house: House):
    land(house, RUNS[0], "'1.5'", "7")
    profile = house.data / f"profiles/_landing/ordertime/{RUNS[0]}.json"
    fields = json.loads(profile.read_bytes())["fields"]
    assert fields["part_items.Weight"] == {"filled": 10, "numbers": 1.0}
    assert fields["part_items._unrecognised.Size"] == {"filled": 10, "numbers": 1.0}
    # A name that is no path of JSON, nor a name of SQL.
    odd = """part_items._unrecognised.a "b".c'd"""
    assert fields[odd] == {"filled": 10, "numbers": 0.0}
    assert "part_items._extract_run_id" not in fields
    land(house, RUNS[1], "'2'", "8")
    assert house.ids() & {"FIELD_RETYPED"} == set()
    land(house, RUNS[2], "'2 kg'", "'XL'")
    (told,) = (f for f in house.look().findings if f.id == "FIELD_RETYPED")
    assert "part_items.Weight was numbers, is texts" in told.says
    assert "part_items._unrecognised.Size was numbers, is texts" in told.says


def test_an_entry_that_nothing_meets_any_more_is_told_one_that_never_was_is_not(
    house: House,
):
    for run in RUNS[:2]:
        land(house, run, "'1'", "1")
    assert "SEED_UNUSED" not in house.ids()
    with duckdb.connect(str(house.data / "warehouse.duckdb")) as opened:
        opened.execute("update stg_ordertime__locations set name = 'Headquarters'")
    land(house, RUNS[2], "'1'", "1")
    (told,) = (f for f in house.look().findings if f.id == "SEED_UNUSED")
    assert (told.key, told.examples) == ("SEED_UNUSED:location_map", ("HQ",))
    assert "seeds/location_map.csv" in told.do


def test_an_entry_that_was_met_now_and_then_is_no_news(house: House):
    land(house, RUNS[0], "'1'", "1")
    with duckdb.connect(str(house.data / "warehouse.duckdb")) as opened:
        opened.execute("update stg_ordertime__locations set name = 'Headquarters'")
    for run in RUNS[1:]:
        land(house, run, "'1'", "1")
    assert "SEED_UNUSED" not in house.ids()


def test_a_landing_that_cannot_be_read_is_tried_again(house: House):
    land(house, RUNS[0], "'1'", "1")
    (house.data / "landing" / RUNS[0] / "ordertime/part_items.parquet").write_text("x")
    shutil.rmtree(house.data / "profiles/_landing")
    ran = house.run("drift")
    assert ran.returncode == 0
    assert f"no profile of ordertime, run {RUNS[0]}" in ran.stderr
    assert not list((house.data / "profiles/_landing").glob("*/*.json"))
