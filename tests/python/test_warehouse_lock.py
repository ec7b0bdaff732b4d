"""The warehouse has one writer: readers end with 75, and a build waits for readers."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from built_project import BuiltProject
from commands import ROOT, clean_environment

BUILD = ("dbt", "--no-use-colors", "build", "--select", "order_reason_codes")
READER = (
    "import duckdb, sys; opened = duckdb.connect(sys.argv[1], read_only=True); "
    "print('open', flush=True); input()"
)


def has_write_lock(pid: int, file: Path) -> bool:
    """Whether a process has locked a file for writing, as /proc/locks shows it."""
    inode = file.stat().st_ino
    lock = re.compile(rf"POSIX +ADVISORY +WRITE {pid} [0-9a-f:]+:{inode} ")
    return bool(lock.search(Path("/proc/locks").read_text()))


@contextmanager
def build(project: BuiltProject) -> Iterator[subprocess.Popen[str]]:
    """Start `dbt build`; it is killed if it has not ended."""
    environment = clean_environment(**project.environment())
    with subprocess.Popen(
        BUILD, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def reader(project: BuiltProject) -> Iterator[subprocess.Popen[str]]:
    """Another program that reads the warehouse until its stdin is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(project.data / "warehouse.duckdb")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        yield process


def wait_for_start(process: subprocess.Popen[str]) -> None:
    """Wait until dbt has read the project. The next thing is the warehouse."""
    assert process.stdout
    for line in process.stdout:
        if "Found" in line:
            return
    raise AssertionError("dbt ended before it started")


def test_while_a_build_writes_every_command_says_so_and_ends_with_75(
    built_copy: BuiltProject,
) -> None:
    warehouse = built_copy.data / "warehouse.duckdb"
    with build(built_copy) as process:
        while not has_write_lock(process.pid, warehouse):
            assert process.poll() is None
            time.sleep(0.002)
        process.send_signal(signal.SIGSTOP)
        assert has_write_lock(process.pid, warehouse)
        for command in (
            "publish onpart_inventory", "publish build", "monitor why 30",
            "publish confirm onpart_inventory --list",
        ):  # fmt: skip
            ended = built_copy.run(*command.split())
            assert (command, ended.returncode) == (command, 75)
            output = ended.stdout or ended.stderr
            assert output.count("\n") == 1, output
            assert "is being written by another process, probably dbt." in output
            assert output.rstrip().endswith("Try again when it has ended.")
        process.send_signal(signal.SIGCONT)
        assert process.wait(120) == 0


def test_a_build_waits_until_a_reader_has_ended(built_copy: BuiltProject) -> None:
    with reader(built_copy) as other, build(built_copy) as process:
        wait_for_start(process)
        time.sleep(4)
        assert process.poll() is None
        other.communicate("\n")
        assert process.wait(120) == 0


@pytest.mark.long
def test_a_build_ends_with_the_code_of_dbt_if_a_reader_stays(
    built_copy: BuiltProject,
) -> None:
    profile = yaml.safe_load((ROOT / "profiles.yml").read_text())["partner_feeds"]
    attempts = profile["outputs"]["dev"]["retries"]["connect_attempts"]
    with reader(built_copy) as other, build(built_copy) as process:
        wait_for_start(process)
        began = time.monotonic()
        output = process.communicate(timeout=200)[0]
        seconds = time.monotonic() - began
        other.communicate("\n")
    assert process.returncode == 2
    assert "Could not set lock on file" in output
    # dbt-duckdb waits 1, 2, 4, 8 and 16 seconds, and dbt opens it three times.
    assert 3 * (2**attempts - 1) <= seconds
