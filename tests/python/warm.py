"""`publish` in a child process, forked from one that has imported Great Expectations.

That import takes four seconds of CPU, and every run of the command does it. So one
process imports what `publish` imports, starts no thread, and forks a child for each
run, which calls the command's own `main` with its own arguments, environment, folder
and output. FEEDS_TESTS_EXEC=1 starts a new interpreter for each run instead.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

# What an interpreter heeds only as it starts.
_EARLY = ("PYTHON", "LC_", "LANG", "LD_")
_PASSED = ("PYTHONPATH",)


def run(
    words: Sequence[str], root: Path, environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run `python -m publish WORDS` in `root`; output is captured as text."""
    command = [sys.executable, "-m", "publish", *words]
    if os.environ.get("FEEDS_TESTS_EXEC") == "1" or _early(environment):
        return subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True,
            timeout=seconds, check=False,
        )  # fmt: skip
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        socket.socket(socket.AF_UNIX) as line,
    ):
        line.settimeout(seconds)
        line.connect(_server())
        asked = json.dumps([list(words), str(root), dict(environment)]).encode()
        socket.send_fds(
            line, [len(asked).to_bytes(4, "big")], [out.fileno(), err.fileno()]
        )
        line.sendall(asked)
        code = int(line.makefile().read())
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode(errors="replace"))
    return subprocess.CompletedProcess(command, code, *said)


def call(words: Sequence[str]) -> int:
    """Be the command in this process; return its exit code."""
    from publish.__main__ import main

    sys.argv = ["publish", *words]
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    sys.stdout.flush()
    return code


def warm() -> None:
    """Import what a run imports."""
    import great_expectations  # noqa: F401

    import publish.__main__
    import publish.gate.suite  # noqa: F401

    assert threading.active_count() == 1, threading.enumerate()


def _early(environment: Mapping[str, str]) -> bool:
    """Whether the environment differs from ours in what cannot be changed later."""

    def early(variables: Mapping[str, str]) -> dict[str, str]:
        return {
            name: value
            for name, value in variables.items()
            if name.startswith(_EARLY) and name not in _PASSED
        }

    return early(environment) != early(os.environ)


@cache
def _server() -> str:
    """Start the warm process of this process; return the address it listens at."""
    address = f"\0partner-feeds-warm-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(16)
        child = subprocess.Popen(
            [sys.executable, "-m", "warm", str(listening.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listening.fileno()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    assert child.stdin is not None
    # Its standard input ends with this process, however that ends; so does it.
    atexit.register(child.wait)
    atexit.register(child.stdin.close)
    return address


def _serve(number: int) -> None:
    warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(fileno=number)
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if listening not in ready:
            return
        line, _ = listening.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            _answer(line)
            os._exit(0)
        line.close()


def _answer(line: socket.socket) -> None:
    """Run what is asked for in a child of our own, and tell how it ended."""
    head, files, _, _ = socket.recv_fds(line, 4, 2)
    asked = line.makefile("rb").read(int.from_bytes(head, "big"))
    words, root, environment = json.loads(asked)
    pid = os.fork()
    if pid == 0:
        try:
            nothing = os.open(os.devnull, os.O_RDONLY)
            for new, old in enumerate([nothing, *files]):
                os.dup2(old, new)
            line.close()
            os.chdir(root)
            os.environ.clear()
            os.environ.update(environment)
            tempfile.tempdir = None
            time.tzset()
            os._exit(call(words))
        finally:
            os._exit(70)
    _, status = os.waitpid(pid, 0)
    line.sendall(str(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
