"""Once, one at a time, and ended by a signal at once: child processes only."""

import os
import signal
import time
from pathlib import Path

import pytest
from faults import places
from sample_project import SampleProject


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {"FEEDS_ACCEPT_FIRST": 1, "XDG_STATE_HOME": tmp_path / "state"}
    return project.quick()


def test_the_same_bytes_go_again_only_by_somebodys_word(project: SampleProject) -> None:
    project.meta["file"] = "feed.csv"
    project.write()
    assert project.publish()["files"][0]["status"] == "delivered"
    assert project.publish()["files"][0]["status"] == "unchanged"
    words = ("onpart_inventory", "--again", "--because", "they lost it")
    result = project.publish(*words, FEEDS_OPERATOR="ann")["files"][0]
    assert result["status"] == "delivered", result
    release = {"by": "ann", "because": "they lost it"}
    assert [r.get("again") for r in project.records("delivered")] == [
        None,
        release,
    ]
    for wrong in (words[1:], words[:2], (words[0], *words[2:]), (*words[:3], " ")):
        done = project.run("publish", "--at", project.at, *wrong)
        assert (done.returncode, "expected the files to" in done.stderr) == (2, True)


def test_bytes_that_come_back_within_a_period_are_refused(
    project: SampleProject,
) -> None:
    assert project.publish()["files"][0]["status"] == "delivered"
    project.rows[0]["qty_on_hand"] = 11
    project.later()
    assert project.write().publish()["files"][0]["status"] == "delivered"
    project.rows[0]["qty_on_hand"] = 10
    project.later()
    refused = project.write().publish()
    assert refused["exit_code"] == 1
    assert "--again --because" in refused["files"][0]["message"]
    assert len(project.records("delivered")) == 2
    project.at = "2026-01-16T06:30:00Z"  # the next period: again news
    project.each(lambda row: row.update(updated_at="2026-01-16 06:00:00"))
    assert project.write().publish()["files"][0]["status"] == "delivered"


def test_a_build_that_did_not_know_of_the_last_file_is_not_sent(
    project: SampleProject,
) -> None:
    """A killed run's file is found at the partner only after the next build."""
    killed = project.run(
        "publish", "--at", project.at, FEEDS_FAILPOINT="after-rnto=kill@2"
    )
    assert killed.returncode == -signal.SIGKILL
    project.invocation = project.results["metadata"]["invocation_id"] = "the next"
    project.rows[0]["qty_on_hand"] = 11
    project.later()
    stale = project.write().publish()
    assert (stale["exit_code"], stale["files"][0]["status"]) == (75, "superseded")
    assert [record["event"] for record in project.records()][-1] == "delivered"
    assert project.write().publish()["files"][0]["status"] == "delivered"
    assert project.publish()["files"][0]["status"] == "unchanged"


def test_two_data_directories_take_turns_at_one_folder(
    project: SampleProject, tmp_path: Path
) -> None:
    other = SampleProject(tmp_path / "other", variables=dict(project.variables))
    other.root.mkdir()
    other.quick()
    to = {"DEST_ONPART_URL": project.partner.as_uri(), "DEST_ONPART_RETRIES": 0}
    failpoint = {"FEEDS_FAILPOINT": "before-rnto=stop"}
    first = project.start("--at", project.at, **to, **failpoint)
    try:
        assert first.stopped()
        waits = other.publish(**to)
        assert waits["exit_code"] == 75, waits
        assert f"a delivery to onpart (pid {first.pid} on" in str(waits["files"])
        elsewhere = other.publish(DEST_ONPART_URL=other.partner.as_uri())
        assert elsewhere["exit_code"] == 0
    finally:
        first.signal(signal.SIGCONT)
        done = first.wait(60)
    assert done.returncode == 0, done.stderr
    other.rows[0]["qty_on_hand"] = 11
    other.later()
    assert other.write().publish(**to)["exit_code"] == 0


def test_a_signal_during_a_pause_ends_it_at_once(project: SampleProject) -> None:
    place = places.make("forgetful")
    try:
        place.set_fault("450 99")
        pause = {"DEST_ONPART_RETRY_PAUSE": 100}
        child = project.start("--at", project.at, **place.variables, **pause)
        assert child.wait_for("tries=1 pause=")
        began = time.monotonic()
        child.signal(signal.SIGTERM)
        done = child.wait(60)
        assert (done.returncode, time.monotonic() - began < 10) == (143, True)
        assert list(place.folder.iterdir()) == []
    finally:
        place.close()
    assert [r["event"] for r in project.records("intent", "failed")] == [
        "intent", "failed",
    ]  # fmt: skip


def test_a_full_disk_of_ours_is_temporary(project: SampleProject) -> None:
    """Appending the intent fails: nothing may be sent that is not remembered."""
    result = project.publish(
        FEEDS_FAILPOINT="before-append:intent=full", DEST_ONPART_RETRIES=0
    )
    assert result["exit_code"] == 75
    assert "Free space" in result["files"][0]["message"]
    assert list(project.partner.iterdir()) == []
    assert project.publish()["exit_code"] == 0


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {"FEEDS_FAILPOINT": "in-stor=kill", "FEEDS_ENVIRONMENT": "prod"},
            "in the env",
        ),
        ({"FEEDS_FAILPOINT": "in-stor"}, "expected such as after-stor=kill"),
        ({"FEEDS_FAILPOINT": "in-stor=nap"}, "found 'in-stor=nap'"),
    ],
)
def test_a_failpoint_is_refused_where_it_is_wrong(
    project: SampleProject, variables: dict[str, str], words: str
) -> None:
    done = project.run("publish", "--at", project.at, **variables)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    assert list(project.partner.iterdir()) == []


def test_a_home_without_room_for_locks_is_named(
    project: SampleProject, tmp_path: Path
) -> None:
    (tmp_path / "home").touch()
    home = {"HOME": tmp_path / "home", "XDG_STATE_HOME": ""}
    result = project.publish(**home)
    assert (result["exit_code"], result["files"][0]["status"]) == (2, "failed")
    message = result["files"][0]["message"]
    assert "Set XDG_STATE_HOME to a folder that this user may write" in message
    assert project.publish()["files"][0]["status"] == "delivered"


@pytest.mark.parametrize(
    ("place", "changed"),
    [
        ("before-append:intent", "*.csv"),
        ("after-login", "*.csv"),
        ("after-login", "*inventory*.manifest.json"),
        # The upload hashes what it sends; the parts are removed.
        ("in-stor", "*.csv"),
    ],
)
@pytest.mark.sample(2)
def test_a_file_that_changed_after_its_gates_is_not_sent(
    project: SampleProject, place: str, changed: str
) -> None:
    failpoint = {"FEEDS_FAILPOINT": f"{place}=stop", "DEST_ONPART_RETRIES": 0}
    child = project.start("--at", project.at, **failpoint)
    try:
        assert child.stopped()
        (package,) = project.packages()
        path = next(p for p in package.glob(changed) if "_inventory_" in p.name)
        times = path.stat()
        content = path.read_bytes()
        path.write_bytes(content.replace(b"2", b"3"))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    finally:
        child.signal(signal.SIGCONT)
        done = child.wait(60)
    assert (done.returncode, "after its gates" in done.stderr + done.stdout) == (
        1,
        True,
    )
    assert list(project.partner.iterdir()) == []
    assert project.records("delivered", "placing") == []
    path.write_bytes(content)
    project.later()
    assert project.publish()["files"][0]["status"] == "delivered"
