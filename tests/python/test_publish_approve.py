"""What a person may release, and everything that voids it: child processes only."""

import json
from pathlib import Path

import pytest
from publish_sample import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path).quick()


def held(house: House) -> dict:
    (told,) = house.publish()["files"]
    assert told["status"] == "held", told
    return told


def refused(house: House, digest: str, words: str) -> None:
    done = house.run("approve", digest, "--because", "looked at it")
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_held_file_shows_its_reasons_and_rows(house: House) -> None:
    house.meta["suite"] = "onpart_inventory"
    for row in house.rows[:7]:
        row["sell_price"] = "-1.00"
    told = held(house.write())
    reason = next(r for r in told["held_by"] if r["examples"])
    said = house.run("status").stdout
    assert f"held {told['name']}" in said
    assert f"{reason['id']}: {reason['says']}" in said
    assert f"such as {reason['examples'][0]}" in said
    assert f"gates.html, audit.csv in outbox/onpart_inventory/{told['run_id']}" in said
    plain = house.run("--at", house.at)
    assert plain.returncode == 1
    assert f"such as {reason['examples'][0]}" in plain.stdout
    assert "every check and row: gates.html, audit.csv" in plain.stdout


def test_it_is_released_once_and_delivered_once(house: House) -> None:
    digest = held(house)["sha256"]
    done = house.run(
        "approve", digest, "--because", " looked at it ", FEEDS_OPERATOR="ann"
    )
    assert done.returncode == 0, done.stderr
    refused(house, digest, "was released by ann at")
    house.later()
    assert house.publish()["files"][0]["status"] == "delivered"
    refused(house, digest, "was delivered at")
    records = [
        json.loads(line)
        for line in (house.data / "ledger.jsonl").read_text().splitlines()
    ]
    (approved,) = [r for r in records if r["event"] == "approved"]
    assert (approved["by"], approved["because"]) == ("ann", "looked at it")
    assert approved["checks"] == ["RUN_FIRST"]


def test_the_name_is_the_login_where_none_is_given(house: House) -> None:
    digest = held(house)["sha256"]
    done = house.run("approve", digest, "--because", "x", "--json", LOGNAME="bob")
    assert json.loads(done.stdout)["by"] == "bob"


def test_an_unknown_digest_is_told_the_near_ones(house: House) -> None:
    digest = held(house)["sha256"]
    wrong = ("0" if digest[3] != "0" else "1").join((digest[:3], digest[4:]))
    refused(house, wrong, f"Near: {digest} (DEMO01_")
    refused(house, "z" * 64, f"Held: {digest} (DEMO01_")


def test_an_old_package_is_not_released(house: House) -> None:
    old = held(house)["sha256"]
    house.rows[0]["qty_on_hand"] = 11
    house.later()
    held(house.write())
    refused(house, old, "is no longer the newest package")


@pytest.mark.parametrize(
    "name", ["DEMO01_inventory_20260115T070000Z.csv", "audit.csv", "gates.html",
             "SHA256SUMS"],
)  # fmt: skip
def test_any_changed_byte_voids_it(house: House, name: str) -> None:
    told = held(house)
    path = Path(told["package"]) / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    refused(house, told["sha256"], "changed")
    path.unlink()
    refused(house, told["sha256"], "changed")


def test_a_hard_reason_is_not_released(house: House) -> None:
    house.results["args"]["which"] = "run"
    refused(house, held(house.write())["sha256"], "DBT_COMMAND, which nobody may")


def test_a_verdict_of_dbt_that_fell_since_voids_it(house: House) -> None:
    digest = held(house)["sha256"]
    house.results["results"][0]["status"] = "error"
    house.write()
    refused(house, digest, "cannot be released any more. DBT_STATUS")


def test_a_mart_that_moved_on_since_voids_it(house: House) -> None:
    digest = held(house)["sha256"]
    house.rows[0]["qty_on_hand"] = 11
    house.write()
    refused(house, digest, "cannot be released any more. RUN_READBACK")


def test_other_reasons_than_those_approved_hold_it_again(house: House) -> None:
    digest = held(house)["sha256"]
    assert house.run("approve", digest, "--because", "fine").returncode == 0
    house.at = "2026-01-17T07:00:00Z"  # the same bytes, but now they are stale too
    assert [r["id"] for r in held(house)["held_by"]] == ["RUN_STALE"]
    # These may be released too: the earlier release is of other checks.
    assert house.run("approve", digest, "--because", "still").returncode == 0
