"""What a partner took, and what still lies there."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from faults import places
from publish_sample import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.meta["pickup"] = {"removes": True, "within_hours": 4}
    house.environment = {"FEEDS_ACCEPT_FIRST": 1, "XDG_STATE_HOME": tmp_path / "state"}
    return house.quick()


def status(house: House, *words: object) -> Any:
    done = house.run("status", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["files"][0]["pickup"]


def test_a_look_tells_what_lies_there_and_what_was_taken(house: House) -> None:
    place = places.make("forgetful")
    try:
        house.environment |= place.variables
        name = house.publish()["files"][0]["name"]
        assert [one["state"] for one in status(house)] == ["not looked at"]

        assert [one["state"] for one in status(house, "--look")] == ["lies there"]
        before = (house.data / "ledger.jsonl").read_bytes()
        late = f"{datetime.now(UTC) + timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}"
        (lying,) = status(house, "--look", "--at", late)
        assert (lying["state"], lying["overdue"]) == ("lies there", True)
        # Only what changed is recorded.
        assert (house.data / "ledger.jsonl").read_bytes() == before
        said = house.run("status", "--at", late).stdout
        assert f"pick-up: {name} lies there, delivered" in said
        assert "OVERDUE: ask the partner" in said

        (place.folder / name).unlink()
        (taken,) = status(house, "--look", "--at", late)
        assert (taken["state"], taken["overdue"]) == ("taken", False)
        place.mood("")
    finally:
        place.close()
    # Offline, the ledger remembers; nothing is left to look for.
    assert status(house, "--look") == status(house)


def test_a_look_that_cannot_be_had_is_temporary(house: House) -> None:
    assert house.publish()["exit_code"] == 0
    done = house.run(
        "status", "--look",
        DEST_ONPART_URL="ftps://u@localhost:1", DEST_ONPART_PASSWORD="x",
    )  # fmt: skip
    assert done.returncode == 75, done.stderr


def test_a_partner_that_is_not_watched_is_not_asked(house: House) -> None:
    del house.meta["pickup"]
    house.write()
    assert house.publish()["exit_code"] == 0
    assert status(house, "--look") == []
