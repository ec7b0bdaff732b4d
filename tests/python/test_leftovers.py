"""What a killed drift, alert or replay leaves is removed by the next run."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import clean_environment
from delivered_project import DeliveredProject

_REPLAY = """
import sys, time
from publish.replay.command import work_folder
with work_folder(None, "replay") as work:
    (work / "warehouse").write_text("x")
    print(work, flush=True)
    time.sleep(float(sys.argv[1]))
"""


@pytest.fixture
def project(delivered: DeliveredProject, tmp_path: Path) -> DeliveredProject:
    return delivered.copy(tmp_path / "project")


def hidden(folder: Path) -> Iterator[Path]:
    """Return the temporary files and folders; every other name has no dot first."""
    return (path for path in folder.rglob(".*") if path.name != ".gitkeep")


def kill_at_leftover(project: DeliveredProject, folder: Path, *words: str) -> bool:
    """Kill a command as soon as it has a temporary file; return whether it had one."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=project.root,
        env=clean_environment(**project.environment()),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not any(hidden(folder)):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    return any(hidden(folder))


def test_drift_removes_what_a_killed_one_left(project: DeliveredProject) -> None:
    profiles = project.data / "profiles"
    (path,) = profiles.glob("[!_]*/*.json")
    path.unlink()
    assert kill_at_leftover(project, profiles, "monitor", "drift")
    # A write is too short to be met: this is what a kill in it leaves.
    (path.parent / f".{path.name}.1.part").touch()
    (profiles / "_landing/ordertime/.run.json.1.part").touch()
    assert project.run("monitor", "drift").returncode == 0
    assert path.exists()
    assert [*hidden(profiles)] == []


def test_alert_removes_what_a_killed_one_left(project: DeliveredProject) -> None:
    folder = project.data / "alerts"
    file = {"FEEDS_ALERT_FILE": str(project.data / "alerts.jsonl")}
    for pause in (0.3, 0.6, 0.9):
        with subprocess.Popen(
            [sys.executable, "-m", "monitor", "alert"],
            cwd=project.root,
            env=clean_environment(**project.environment(), **file),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(pause)
            process.kill()
    folder.mkdir(exist_ok=True)
    (folder / ".state.json.1.part").touch()
    assert project.run("monitor", "alert", **file).returncode == 0
    assert [*hidden(folder), *hidden(project.data / "profiles")] == []


def replay(folder: Path, seconds: float) -> tuple[subprocess.Popen[str], Path]:
    """Start a replay's work; return the process and its folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", _REPLAY, str(seconds)],
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with process.stdout as output:
        return process, Path(output.readline().strip())


def test_replay_removes_what_a_killed_one_left_and_nothing_else(tmp_path: Path) -> None:
    killed, left = replay(tmp_path, 60)
    killed.kill()
    killed.wait()
    running, used = replay(tmp_path, 60)
    (tmp_path / "partner-feeds-replay-young").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "partner-feeds-replay-link").symlink_to(tmp_path / "elsewhere")
    try:
        assert used.exists()
        assert not left.parent.exists(), "removed by the second one"
        third, own = replay(tmp_path, 0)
        assert third.wait() == 0
        assert not own.parent.exists()
        assert used.exists()
    finally:
        running.kill()
        running.wait()
    assert {each.name for each in tmp_path.iterdir()} == {
        "partner-feeds-replay-young",
        "partner-feeds-replay-link",
        "elsewhere",
        used.parent.name,
    }
    shutil.rmtree(used.parent)
