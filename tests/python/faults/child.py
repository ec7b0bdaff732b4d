"""`publish` in a process of its own, in a hundredth of the time: forked, not started.

A worker imports what `publish` imports, once, and starts no thread; each run is a fork
that calls the command's own `main` with its own environment, folder and output. It can
be killed like any process. `FEEDS_FAULTS_EXEC=1` starts a new interpreter instead.
"""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import warm
from conftest import ROOT, clean_environment

_WORDS = ("--json",)
LONGEST = 120.0


@dataclass(frozen=True, slots=True)
class Ended:
    """Exit code (negative: the signal that killed it), output, seconds it took."""

    code: int
    out: bytes
    err: bytes
    seconds: float


@dataclass
class Child:
    """A run that is under way."""

    pid: int
    out: Path
    err: Path
    began: float

    def signal(self, number: int) -> None:
        """Send a signal; it may have ended already."""
        os.kill(self.pid, number)

    def said(self, words: bytes) -> bool:
        """Wait until it wrote `words` to stderr; False if it ended without."""
        while True:
            if words in self.err.read_bytes():
                return True
            found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
            if found is not None:
                return words in self.err.read_bytes()
            time.sleep(0.001)

    def stopped(self) -> bool:
        """Wait until it stops itself; False if it ended without."""
        while True:
            found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
            if found is not None:
                return found.si_code == os.CLD_STOPPED

    def wait(self) -> Ended:
        """Wait for its end; a hang is an error of the cell."""
        deadline = time.monotonic() + LONGEST
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise TimeoutError(self.err.read_text(errors="replace")[-2000:])
            time.sleep(0.002)
        code = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - self.began
        return Ended(code, self.out.read_bytes(), self.err.read_bytes(), seconds)


def start(root: Path, at: str, environment: dict[str, str]) -> Child:
    """Start a run in the project `root`."""
    out, err = root / "stdout", root / "stderr"
    words = [sys.executable, "-m", "publish", "--at", at, *_WORDS]
    variables = clean_environment(**environment)
    for path in (out, err):
        path.write_bytes(b"")  # what an earlier run said must not be taken for ours
    began = time.monotonic()
    pid = os.fork()
    if pid:
        return Child(pid, out, err, began)
    try:
        for path, number in ((out, 1), (err, 2)):
            handle = os.open(path, os.O_WRONLY | os.O_APPEND)
            os.dup2(handle, number)
        os.chdir(root)
        if os.environ.get("FEEDS_FAULTS_EXEC") == "1":
            os.execve(words[0], words, {**variables, "PYTHONPATH": str(ROOT)})
        os.environ.clear()
        os.environ.update(variables)
        os._exit(warm.call(words[3:]))
    finally:
        os._exit(70)
