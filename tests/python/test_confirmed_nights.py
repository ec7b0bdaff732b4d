"""Nights of real builds: values that changed wait until a person confirms them.

One history, which every test of the module reads; the nights are hours of one day.
"""

import csv
import shutil
from pathlib import Path

import duckdb
import pytest
from built_project import BuiltProject, read_audit
from landing import RUN, item, land_parts, stock, write_extract

from runtime.files import relink, sha256_of

CODES = ("reason_codes", "warnings")


def parts(**changed: dict[str, object]) -> tuple[list[dict], list[dict]]:
    """Return parts at 100.00 with stock, some of them changed by their name."""
    named = {"PRICE": "AM", "GAP": "AM", "TYPE": "OEM", "BRAND": "OEM"}
    named |= {f"GOOD-{number}": "AM" for number in range(16)}
    items, stocked = [], []
    for number, (name, kind) in enumerate(named.items(), 1):
        fields = {"Price": "100.00", "StdCost": "0.50", "cf_list_price": "500"}
        fields |= changed.get(name, {})
        on_hand = str(fields.pop("on_hand", "9"))
        items.append(item(number, name, str(fields.pop("kind", kind)), **fields))
        stocked.append(stock(number, on_hand))
    return items, stocked


def rows_of(file: Path) -> int:
    """Count the rows of a Parquet file."""
    with duckdb.connect() as connection:
        query = "select count(*) from read_parquet(?)"
        (row,) = connection.execute(query, [str(file)]).fetchall()
    return int(row[0])


def night(project: BuiltProject, hour: int, **changed: dict[str, object]) -> None:
    """Land, build and publish once."""
    run, scratch = f"20260115T0{hour}0000Z-test", project.folder / f"landing {hour}"
    land_parts(scratch, *parts(**changed))
    landed = scratch / "landing" / RUN / "ordertime"
    entities = {
        file.stem: {"sha256": sha256_of(file), "rows": rows_of(file)}
        for file in landed.iterdir()
    }
    write_extract(scratch, "ordertime", entities, run=run)
    current = project.data / "landing/current/ordertime"
    current.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(landed.parent, project.data / "landing" / run)
    relink(current, f"../{run}/ordertime")
    done = project.run("publish", "build", "onpart_inventory")
    assert done.returncode == 0, done.stdout
    at = f"2026-01-15T0{hour}:30:00Z"
    result = project.run_json("publish", "onpart_inventory", "--at", at)
    assert result["status"] == "done", result
    assert result["files"][0]["status"] == "delivered"


# Price 100 to 1, and for one part a night without stock in between.
SECOND = {
    "PRICE": {"Price": "1.00"},
    "GAP": {"on_hand": "0"},
    "TYPE": {"kind": "AM"},
    "BRAND": {"cf_vehicle_make": "TOYOTA"},
}
THIRD = {**SECOND, "GAP": {"Price": "1.00"}, "GOOD-0": {"on_hand": "8"}}
# The confirmed price goes out, the other is a new one again.
FOURTH = {**THIRD, "GAP": {"Price": "2.00"}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> BuiltProject:
    """Four nights; between the last two a person confirms from the list."""
    project = BuiltProject(tmp_path_factory.mktemp("nights"))
    project.partner.mkdir()
    night(project, 6)
    night(project, 7, **SECOND)
    night(project, 8, **THIRD)
    words = ("publish", "confirm", "onpart_inventory")
    waiting = project.folder / "waiting.csv"
    waiting.write_text(project.run(*words, "--list").stdout)
    done = project.run(*words, "--from", waiting, "--because", "clearance")
    assert done.returncode == 0, done.stderr
    night(project, 9, **FOURTH)
    return project


def decided(project: BuiltProject, number: int) -> dict[str, tuple[str, ...]]:
    """Return codes and warnings of a night's parts, without the ordinary ones."""
    _, rows = read_audit(project.recorded_packages()[number])
    return {
        row["supplier_sku"]: tuple(row[name] for name in CODES)
        for row in rows
        if not row["supplier_sku"].startswith("GOOD")
    }


def delivered(project: BuiltProject, number: int) -> dict[str, str]:
    """Return the price of each part that a night's file has."""
    package = project.recorded_packages()[number]
    with (package.folder / package.resource["path"]).open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        return {row["supplier_sku"]: row["sell_price"] for row in rows}


def test_a_new_price_waits_each_night_and_a_night_without_stock_forgets_nothing(
    project: BuiltProject,
) -> None:
    second, third = decided(project, 1), decided(project, 2)
    assert second["PRICE"] == third["PRICE"] == ("PRICE_JUMP", "")
    assert second["GAP"] == ("ON_HAND_ZERO", "")
    assert third["GAP"] == ("PRICE_JUMP", "")
    assert not {"PRICE", "GAP", "TYPE"} & {*delivered(project, 2)}


def test_a_new_type_waits_and_a_new_brand_does_not(project: BuiltProject) -> None:
    assert decided(project, 2)["TYPE"] == ("TYPE_CHANGED", "")
    assert decided(project, 1)["BRAND"] == ("OK_OEM", "FITMENT_PARTIAL|BRAND_CHANGED")
    assert decided(project, 2)["BRAND"] == ("OK_OEM", "FITMENT_PARTIAL")


def test_what_was_confirmed_goes_out_and_another_value_waits(
    project: BuiltProject,
) -> None:
    fourth = decided(project, 3)
    assert fourth["PRICE"] == fourth["TYPE"] == ("OK_AM", "")
    assert fourth["GAP"] == ("PRICE_JUMP", "")
    assert delivered(project, 3)["PRICE"] == "1.00"
    assert "GAP" not in delivered(project, 3)
    (voided,) = project.records("voided")
    assert [each["key"]["supplier_sku"] for each in voided["entries"]] == ["GAP"]


def test_why_shows_the_last_value_and_who_confirmed(project: BuiltProject) -> None:
    (row,) = project.why("GAP")["rows"]
    (code,) = row["codes"]
    assert code["values"] == {
        **{"sell_price": "2.00", "last_sell_price": "100.00"},
        "last_delivered_at": "2026-01-15 06:30:00",
    }
    (confirmed,) = row["confirmed"]
    assert (confirmed["value"], confirmed["because"]) == ("1.00", "clearance")
    assert confirmed["ended"]
    text = project.run("monitor", "why", "PRICE").stdout
    assert "sell_price 1.00 confirmed by" in text
    assert "clearance" in text
    assert "ended" not in text


@pytest.mark.parametrize(
    "number", [pytest.param(2, marks=pytest.mark.long), 3], ids=["before", "after"]
)
def test_a_replay_uses_the_confirmations_of_its_time(
    project: BuiltProject, number: int, tmp_path: Path
) -> None:
    run = project.recorded_packages()[number].run_id
    result = project.run_json("publish", "replay", run, "--here")
    assert (result["exit_code"], result["identical"]) == (0, True), result


def test_health_counts_the_values_that_wait(project: BuiltProject) -> None:
    report = project.run_json("monitor", "health", "--at", "2026-01-15T09:40:00Z")
    assert report["waiting"] == {"onpart_inventory": {"sell_price": 1}}
    (finding,) = (each for each in report["findings"] if each["id"] == "VALUES_WAIT")
    assert finding["key"] == "VALUES_WAIT:onpart_inventory"
    assert finding["says"] == "values wait for a person: 1 of sell_price"
