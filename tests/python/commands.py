"""Commands in processes of their own, as a user runs them.

`publish` imports Great Expectations, which takes four seconds of CPU, and dbt three.
The fork server of the standard library imports both once, and dbt parses a small
project there; each run of a command is a fork that calls the command's own function
with its own arguments, environment, folder and output. FEEDS_TESTS_EXEC=1 starts a new
interpreter for each run instead.
"""

import atexit
import gc
import importlib
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
_FORKS = multiprocessing.get_context("forkserver")
# A process's exit code can be read once from its pipe, and `start` of one process also
# reads those of all others (multiprocessing/process.py, `_cleanup`). Where two threads
# read the same one, the second finds nothing and reports 255.
_EXIT_CODES = threading.Lock()
# Installed modules only: in Python 3.11 the server has no other path. It ignores what
# it cannot import.
_FORKS.set_forkserver_preload(
    [
        *("great_expectations", "publish.__main__", "publish.gate.suite", "psutil"),
        *("extract.__main__", "monitor.__main__"),
        *("dbt.cli.main", "dbt.adapters.duckdb", "tests.python.dbt_parsed_once"),
    ]
)
# What the console script of each command calls.
_FUNCTIONS = {
    "dbt": ("dbt.cli.main", "cli"),
    "extract": ("extract.__main__", "main"),
    "monitor": ("monitor.__main__", "main"),
    "publish": ("publish.__main__", "main"),
}
# Variables that an interpreter reads only as it starts.
_EARLY = ("PYTHON", "LC_", "LANG", "LD_")
_PASSED = ("PYTHONPATH",)


class Child:
    """A run of a command that is under way."""

    def __init__(
        self, words: Sequence[str], root: Path, environment: Mapping[str, str]
    ) -> None:
        """Start a command, one of `_FUNCTIONS`, in the folder `root`."""
        self._command = [*words]
        self._folder = tempfile.TemporaryDirectory()
        self._output = [Path(self._folder.name, name) for name in ("stdout", "stderr")]
        for path in self._output:
            path.touch()
        self._process = _FORKS.Process(
            target=_call,
            args=(words, root, dict(environment), self._output),
            daemon=True,
        )
        with _EXIT_CODES:
            self._process.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait_for(self, words: str) -> bool:
        """Wait until it wrote `words` to stderr; return False if it ended without."""
        alive = True
        while words not in self._read()[1]:
            if not alive:
                return False
            alive = self._alive()
            time.sleep(0.001)
        return True

    def stopped(self) -> bool:
        """Wait until it stops itself; return False if it ended without."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._process.pid)
            while self._alive():
                if process.status() == psutil.STATUS_STOPPED:
                    return True
                time.sleep(0.001)
        return False

    def wait(self, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Wait for its end; an exit code below 0 is the signal that killed it.

        Raises:
            TimeoutError: it took longer, and was killed.
        """
        wait([self._process.sentinel], seconds)
        with _EXIT_CODES:
            code = self._process.exitcode
        if code is None:
            self.signal(signal.SIGKILL)
            wait([self._process.sentinel])
        out, err = self._read()
        self._folder.cleanup()
        if code is None:
            raise TimeoutError(f"{self._command}: {err[-2000:]}")
        return subprocess.CompletedProcess(self._command, code, out, err)

    def _alive(self) -> bool:
        with _EXIT_CODES:
            return self._process.is_alive()

    def _read(self) -> list[str]:
        return [path.read_text(errors="replace") for path in self._output]


def clean_environment(**variables: object) -> dict[str, str]:
    """Return the environment without anything that configures us, plus `variables`."""
    ours = ("FEEDS_", "ORDERTIME_", "ORDER_TOOL_", "DEST_", "DBT_", "PYTEST_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    scripts = str(Path(sys.executable).parent)
    environment["PATH"] = f"{scripts}{os.pathsep}{environment['PATH']}"
    return {**environment, **{name: str(value) for name, value in variables.items()}}


def run(
    *words: object,
    env: Mapping[str, object] | None = None,
    cwd: Path = ROOT,
    seconds: float = 240,
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own; its output is captured as text.

    Args:
        words: the command, such as `dbt`, `publish` or `python`, and its arguments.
        env: variables besides those of `clean_environment`.
        cwd: the folder to run it in.
        seconds: the longest that it may take.
    """
    command = [str(word) for word in words]
    environment = clean_environment(**(env or {}))
    if command[0] in _FUNCTIONS and _can_fork(environment):
        return Child(command, cwd, environment).wait(seconds)
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True,
        timeout=seconds, check=False,
    )  # fmt: skip


def _call(
    words: Sequence[str], root: Path, environment: dict[str, str], output: list[Path]
) -> None:
    module, function = _FUNCTIONS[words[0]]
    called = getattr(importlib.import_module(module), function)
    for number, path in enumerate(output, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
    os.chdir(root)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    time.tzset()
    if words[0] != "dbt":
        # Its import gives the root logger a handler.
        logging.root.handlers.clear()
    sys.argv = [*words]
    if words[0] != "dbt":
        called()
        return
    # As `publish build` does: dbt keeps nearly all of its objects until it ends.
    gc.disable()
    # A fork ends without what dbt and its plugins registered for the end.
    atexit._clear()
    try:
        called()
    finally:
        atexit._run_exitfuncs()
        connections = importlib.import_module("dbt.adapters.duckdb.connections")
        connections.DuckDBConnectionManager.close_all_connections()


def _can_fork(environment: Mapping[str, str]) -> bool:
    """Whether no variable differs from ours that is read only at the start."""

    def early(variables: Mapping[str, str]) -> dict[str, str]:
        return {
            name: value
            for name, value in variables.items()
            if name.startswith(_EARLY) and name not in _PASSED
        }

    if os.environ.get("FEEDS_TESTS_EXEC") == "1":
        return False
    return early(environment) == early(os.environ)
