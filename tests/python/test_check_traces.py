"""A check leaves nothing behind, whatever ends it, and removes what others left."""

import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from checking import PREFIX, CheckProject, tree
from commands import Child
from servers.fixtures import Start
from servers.script import Script
from servers.stub import Stub

# log in, send, size, hash, rename, send, size, hash, rename over a file, stay, remove
STEPS = range(1, 12)
SOME = (3, 9)


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    return CheckProject(tmp_path)


@pytest.mark.parametrize(
    ("kind", "steps"),
    [("vsftpd", STEPS), ("proftpd", SOME), ("pure-ftpd", SOME), ("openssh", SOME)],
)
@pytest.mark.sample(2)
def test_a_signal_at_any_step_leaves_no_trace(
    server: Start, project: CheckProject, kind: str, steps: Sequence[int]
) -> None:
    to = server(kind)
    to.lay("inventory.csv", b"old")
    before = tree(to.folder)
    project.variables = to.variables()
    for point in [f"in-check=term@{step}" for step in steps] + ["in-check-stor=term"]:
        done = project.run_check(FEEDS_FAILPOINT=point)
        assert (done.returncode, point) == (128 + signal.SIGTERM, point), done.stderr
        assert (tree(to.folder), point) == (before, point)
        assert not (project.data / "checks" / "onpart.json").exists()
    # There are no more steps: at the next one it would not have been ended.
    assert (
        project.run_check(FEEDS_FAILPOINT=f"in-check=term@{STEPS.stop}").returncode == 0
    )


@pytest.mark.parametrize("kind", ["vsftpd", "openssh"])
def test_what_a_killed_check_left_the_next_one_removes(
    server: Start, project: CheckProject, kind: str
) -> None:
    to = server(kind)
    to.lay("inventory.csv", b"old")
    before = tree(to.folder)
    project.variables = to.variables()
    killed = project.run_check(FEEDS_FAILPOINT="in-check=kill@10")
    assert killed.returncode == -signal.SIGKILL
    left = tree(to.folder).keys() - before.keys()
    assert left
    assert all(n.startswith(PREFIX) and n.endswith(".part") for n in left)
    assert project.check()["exit_code"] == 0
    assert tree(to.folder) == before


def start_and_send(project: CheckProject, to: Stub) -> Child:
    """Start a check; return when its first file is at the server."""
    project.write()
    times = {"DEST_ONPART_TIMEOUT": 60, "DEST_ONPART_REPLY_TIMEOUT": 60}
    running = project.start("check", **times)
    assert running.wait_for("step=send")
    while not to.names():
        time.sleep(0.01)
    return running


def test_a_signal_ends_the_wait_for_a_silent_server(project: CheckProject) -> None:
    with Stub(Script(final="", times=1)) as to:
        project.variables = to.variables()
        running = start_and_send(project, to)
        running.signal(signal.SIGTERM)
        done = running.wait(20)
        assert done.returncode == 128 + signal.SIGTERM, done.stderr
        assert to.names() == []


def test_what_cannot_be_removed_is_said_and_tried_again(project: CheckProject) -> None:
    with Stub(Script(removes=False)) as to:
        project.variables = to.variables()
        report = project.check()
        assert (report["exit_code"], report["left"]) == (1, to.names())
        assert report["message"].startswith("remove: removing partner-feeds-check-")
        assert len(to.names()) == 1
        done = project.run_check()
        assert f"  still there: {', '.join(to.names())}\n" in done.stdout
        to.script = Script()
        assert (project.check()["exit_code"], to.names()) == (0, [])


def test_two_checks_wait_for_each_other(project: CheckProject) -> None:
    with Stub(Script(final="", times=1)) as to:
        project.variables = to.variables()
        running = start_and_send(project, to)
        second = project.run_check()
        assert second.returncode == 75
        assert "publish check (pid" in second.stderr
        running.signal(signal.SIGTERM)
        running.wait(20)
        assert to.names() == []
