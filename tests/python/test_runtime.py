"""Whole files, the lock, configuration and the ends of commands."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import clean_environment

from runtime import files
from runtime.environment import DataDirectory, Environment, Limits, Secret
from runtime.exits import Misuse, Temporary
from runtime.lock import directory_lock


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    files.write_bytes(path, b"old")
    with pytest.raises(ZeroDivisionError), files.atomic_write(path) as part:
        part.write_bytes(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["feed.csv"]


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    files.write_bytes(path, b"old file")
    with path.open("rb") as reader:
        files.write_bytes(path, b"new")
        assert reader.read() == b"old file"
    assert path.read_bytes() == b"new"


def test_a_killed_write_leaves_the_old_file_and_a_part_that_can_be_removed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "feed.csv"
    files.write_bytes(path, b"old")
    program = (
        "import os, signal, sys; from pathlib import Path; from runtime import files\n"
        "with files.atomic_write(Path(sys.argv[1])) as part:\n"
        "    part.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
    files.remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["feed.csv"]


def test_relink_replaces_a_link(tmp_path: Path) -> None:
    link = tmp_path / "current" / "ordertime"
    files.relink(link, "../a")
    files.relink(link, "../b")
    assert link.readlink() == Path("../b")
    assert [p.name for p in link.parent.iterdir()] == ["ordertime"]


def test_the_lock_names_its_owner_and_dies_with_it(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from runtime.lock import directory_lock\n"
        "with directory_lock(Path(sys.argv[1]), 'extract'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with (
            pytest.raises(Temporary, match=rf"extract \(pid {holder.pid} on .* since"),
            directory_lock(tmp_path, "publish"),
        ):
            pass
        holder.kill()
        holder.wait()
    with directory_lock(tmp_path, "publish"):
        owner = json.loads((tmp_path / "lock").read_text())
    assert owner["command"] == "publish"


def test_the_lock_can_be_waited_for(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from runtime.lock import directory_lock\n"
        "with directory_lock(Path(sys.argv[1]), 'extract'):\n"
        "    print('held', flush=True); time.sleep(0.5)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        began = time.monotonic()
        with directory_lock(tmp_path, "publish", wait_seconds=30):
            assert time.monotonic() - began > 0.2


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Environment({"PASSWORD": "hunter2"}).secret("PASSWORD")
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{secret}{secret!r}{[secret]}"
    assert secret == Secret("hunter2")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "KEY is not set"),
        ({"KEY": "  "}, "KEY is not set"),
    ],
)
def test_a_missing_variable_is_named(variables: dict[str, str], message: str) -> None:
    with pytest.raises(Misuse, match=message):
        Environment(variables).text("KEY")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("many", "COUNT: expected `int`, found 'many'"),
        ("1.5", "COUNT: expected `int`, found '1.5'"),
        ("0", "COUNT: expected `int` >= 1, found '0'"),
        ("nan", "COUNT: expected `int`, found 'nan'"),
    ],
)
def test_a_wrong_number_is_named(text: str, message: str) -> None:
    with pytest.raises(Misuse, match=message):
        Environment({"COUNT": text}).count("COUNT", 4, 1, 64)


def test_the_environment_wins_over_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("FEEDS_ENVIRONMENT=uat\nFEEDS_THREADS=2\n")
    monkeypatch.setenv("FEEDS_THREADS", "3")
    variables = Environment.read(tmp_path)
    assert DataDirectory.read(variables).data == Path("data/uat")
    assert Limits.read(variables).threads == 3


@pytest.mark.parametrize("name", ["o'brien", "data[1]", "all*", "{x}"])
def test_a_data_folder_in_which_nothing_would_be_found_is_refused(name: str) -> None:
    with pytest.raises(Misuse, match="FEEDS_DATA: expected a path without"):
        DataDirectory.read(Environment({"FEEDS_DATA": f"/data/{name}"}))


def test_an_unknown_environment_is_refused() -> None:
    with pytest.raises(Misuse, match="FEEDS_ENVIRONMENT must be one of dev, uat, prod"):
        DataDirectory.read(Environment({"FEEDS_ENVIRONMENT": "production"}))


PROGRAM = """
import sys, time, click
from runtime.command import run, report
from runtime.exits import Refused
@click.command()
@click.argument("end")
@click.option("--json", "as_json", is_flag=True)
def program(end, as_json):
    if end == "refused": raise Refused("expected a, found b; do c.")
    if end == "bug": raise KeyError("oops")
    if end == "wait":
        try: print("ready", flush=True); time.sleep(60)
        finally: print("cleaned", flush=True)
    report({"status": "done"}, "well", as_json)
run(program)
"""


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (["fine"], 0, "well\n", ""),
        (["fine", "--json"], 0, '{"status": "done"}\n', ""),
        (["refused"], 1, "", "Error: expected a, found b; do c.\n"),
        (["fine", "--what"], 2, "", "No such option"),
        (["bug"], 2, "", "unexpected KeyError"),
    ],
)
def test_a_command_ends_with_its_code(
    words: list[str], code: int, out: str, err: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
    )
    assert ended.returncode == code
    assert ended.stdout == out
    assert err in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_refusal_is_also_told_in_json() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, "refused", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(ended.stdout)["exit_code"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_command_after_its_clean_up(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert out == "cleaned\n"
    assert f"ended by signal {number:d}" in err


def test_a_signal_that_comes_while_a_line_is_logged_is_not_swallowed() -> None:
    """A logging handler goes on after every Exception; we are to end all the same."""
    program = (
        "import logging, os, signal, time, click\n"
        "from runtime.command import LOG, run\n"
        "class Slow:\n"
        "    def write(self, text): os.kill(os.getpid(), signal.SIGTERM)\n"
        "    def flush(self): pass\n"
        "@click.command()\n"
        "def program():\n"
        "    LOG.addHandler(logging.StreamHandler(Slow()))\n"
        "    LOG.warning('a line'); time.sleep(60)\n"
        "run(program, [])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 128 + signal.SIGTERM
    assert ended.stderr == "Error: ended by signal 15; it is safe to run again\n"
