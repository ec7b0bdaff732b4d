"""A check leaves nothing behind: whatever ends it, and whatever a server does."""

import json
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from checking import PREFIX, Desk, grades, tree
from servers.fixtures import Start
from servers.script import Script
from servers.stub import Stub

STEPS = range(1, 10)
SOME = (3, 6)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, {"file": "Größe.csv"})


@pytest.mark.parametrize(
    ("kind", "steps"),
    [("vsftpd", STEPS), ("proftpd", SOME), ("pure-ftpd", SOME), ("openssh", STEPS)],
)
def test_a_signal_at_any_step_leaves_no_trace(
    server: Start, desk: Desk, kind: str, steps: Sequence[int]
) -> None:
    to = server(kind)
    to.lay("inventory.csv", b"old")
    before = tree(to.folder)
    desk.variables = to.variables()
    points = [*(f"in-check=term@{step}" for step in steps), "in-check-stor=term@14"]
    for point in points:
        done = desk.run(FEEDS_FAILPOINT=point)
        assert (done.returncode, point) == (128 + signal.SIGTERM, point), done.stderr
        assert (tree(to.folder), point) == (before, point)
        assert not (desk.data / "checks" / "onpart.left.json").exists()
        assert not (desk.data / "checks" / "onpart.json").exists()
    # All places were come by: at the next one it would not have been ended.
    assert desk.run(FEEDS_FAILPOINT=f"in-check=term@{STEPS.stop + 1}").returncode == 0


@pytest.mark.parametrize("kind", ["vsftpd", "openssh"])
def test_what_a_killed_check_left_the_next_one_removes(
    server: Start, desk: Desk, kind: str
) -> None:
    to = server(kind)
    to.lay("inventory.csv", b"old")
    to.lay(f"{PREFIX}of-another-machine.part", b"theirs")
    before = tree(to.folder)
    desk.variables = to.variables()
    killed = desk.run(FEEDS_FAILPOINT="in-check-stor=kill@14")
    assert killed.returncode == -signal.SIGKILL
    litter = tree(to.folder).keys() - before.keys()
    assert litter
    assert all(n.startswith(PREFIX) and n.endswith(".part") for n in litter)
    told = json.loads((desk.data / "checks" / "onpart.left.json").read_bytes())
    (mine,) = told.values()
    assert litter <= set(mine["names"])

    assert desk.check()["exit_code"] == 0
    assert tree(to.folder) == before
    assert not (desk.data / "checks" / "onpart.left.json").exists()


def test_a_signal_ends_the_wait_for_a_silent_server(desk: Desk) -> None:
    with Stub(Script(final="", times=1)) as to:
        desk.variables = to.variables()
        patient = {"DEST_ONPART_TIMEOUT": "60", "DEST_ONPART_REPLY_TIMEOUT": "60"}
        running = subprocess.Popen(
            desk.words(),
            cwd=desk.root,
            env=desk.environment(**patient),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not to.names():
            assert running.poll() is None
            time.sleep(0.01)
        running.terminate()
        _, said = running.communicate(timeout=20)
        assert running.returncode == 128 + signal.SIGTERM, said
        assert to.names() == []


@pytest.mark.parametrize(
    "script",
    [
        {"cut": "STOR", "final": "", "times": 1},
        {"cut": "RNTO", "times": 3},
        {"final": "421 going down", "times": 1},
        {"early": 5, "final": "421 going down", "times": 1},
    ],
    ids=str,
)
def test_a_server_that_breaks_off_keeps_nothing(
    desk: Desk, script: dict[str, object]
) -> None:
    with Stub(Script(**script)) as to:  # type: ignore[arg-type]
        desk.variables = to.variables()
        found = desk.check()
        assert (found["verdict"], found["left"]) == ("unreachable", [])
        assert to.names() == []


def test_what_cannot_be_removed_is_said_and_tried_again(desk: Desk) -> None:
    desk.meta = {}
    with Stub(Script(removes=False)) as to:
        desk.variables = to.variables()
        found = desk.check()
        assert (found["exit_code"], found["left"]) == (1, to.names())
        assert (grades(found)["remove"], grades(found)["traces"]) == ("bad", "bad")
        # One small file showed it; no more were sent.
        assert to.uploads == 1
        done = desk.run()
        (first, second) = to.names()
        assert f"could not be removed: {first}, {second}" in done.stdout
        assert "Ask the partner" in done.stdout
        to.script = Script()
        assert (desk.check()["exit_code"], to.names()) == (0, [])


def test_two_checks_wait_for_each_other(desk: Desk) -> None:
    with Stub(Script(final="", times=1)) as to:
        desk.variables = to.variables()
        running = subprocess.Popen(
            desk.words(),
            cwd=desk.root,
            env=desk.environment(DEST_ONPART_REPLY_TIMEOUT="60"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not to.names():
                assert running.poll() is None
                time.sleep(0.01)
            second = desk.run()
            assert second.returncode == 75
            assert "publish check (pid" in second.stderr
        finally:
            running.terminate()
            running.wait(20)
        assert to.names() == []
