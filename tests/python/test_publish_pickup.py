"""Which files a partner removed, and which are still there."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from faults import places
from sample_project import SampleProject


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.meta["pickup"] = {"removes": True, "within_hours": 4}
    project.variables = {"FEEDS_ACCEPT_FIRST": 1, "XDG_STATE_HOME": tmp_path / "state"}
    return project.quick()


def status(project: SampleProject, *words: object) -> Any:
    done = project.run("publish", "status", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["files"][0]["pickup"]


def test_look_records_which_files_are_there_and_which_were_removed(
    project: SampleProject,
) -> None:
    place = places.make("forgetful")
    try:
        project.variables |= place.variables
        name = project.publish()["files"][0]["name"]
        assert [one["state"] for one in status(project)] == ["not looked at"]

        assert [one["state"] for one in status(project, "--look")] == ["lies there"]
        before = (project.data / "ledger.jsonl").read_bytes()
        late = f"{datetime.now(UTC) + timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}"
        (lying,) = status(project, "--look", "--at", late)
        assert (lying["state"], lying["overdue"]) == ("lies there", True)
        # Only what changed is recorded.
        assert (project.data / "ledger.jsonl").read_bytes() == before
        output = project.run("publish", "status", "--at", late).stdout
        assert f"pick-up: {name} lies there, delivered" in output
        assert "OVERDUE: ask the partner" in output

        (place.folder / name).unlink()
        (file,) = status(project, "--look", "--at", late)
        assert (file["state"], file["overdue"]) == ("taken", False)
        place.set_fault("")
    finally:
        place.close()
    # Offline, the ledger remembers; nothing is left to look for.
    assert status(project, "--look") == status(project)


def test_a_server_that_cannot_be_reached_is_temporary(project: SampleProject) -> None:
    assert project.publish()["exit_code"] == 0
    away = {
        "DEST_ONPART_URL": "ftps://u@localhost:1", "DEST_ONPART_PASSWORD": "x"
    }  # fmt: skip
    done = project.run("publish", "status", "--look", **away)
    assert done.returncode == 75, done.stderr


def test_publish_records_pickups_before_its_next_delivery(
    project: SampleProject,
) -> None:
    first = project.publish()["files"][0]["name"]
    assert [each["state"] for each in status(project)] == ["not looked at"]
    again = ("onpart_inventory", "--again", "--because", "a test")
    project.at = "2026-01-15T08:00:00Z"
    second = project.publish(*again)["files"][0]["name"]
    assert {each["name"]: each["state"] for each in status(project)} == {
        first: "lies there", second: "not looked at"
    }  # fmt: skip
    for file in project.folder.rglob(first):
        if "outbox" not in file.parts:
            file.unlink()
    project.at = "2026-01-15T09:00:00Z"
    project.publish(*again)
    states = {each["name"]: each["state"] for each in status(project)}
    assert (states[first], states[second]) == ("taken", "lies there")


def test_a_feed_without_pickup_opens_no_connection(project: SampleProject) -> None:
    del project.meta["pickup"]
    project.write()
    assert project.publish()["exit_code"] == 0
    assert status(project, "--look") == []
