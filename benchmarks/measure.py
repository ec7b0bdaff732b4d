"""One command as a whole process: wall and CPU seconds, peak memory."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
# Seconds between two looks at the memory of a process tree.
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process cost.

    Attributes:
        wall: seconds from start to end.
        cpu: user and system seconds, its children included.
        peak: the largest resident set of the process and its children, in MiB. Shared
            pages of several processes count several times.
    """

    wall: float
    cpu: float
    peak: float

    def row(self, name: str, note: str = "") -> str:
        """One line of the table."""
        return (
            f"| {name} | {self.wall:.1f} | {self.cpu:.1f} | {self.peak:,.0f} | {note} |"
        )

    def over(self, floor: "Cost") -> str:
        """How many times the cost of another step."""
        return f"{self.wall / floor.wall:.2f} x wall, {self.cpu / floor.cpu:.2f} x cpu"


HEADER = "| step | wall s | cpu s | peak MiB | |\n|---|---:|---:|---:|---|"


def cost_of(
    words: Sequence[str],
    env: Mapping[str, str],
    folder: Path | None = None,
    codes: Sequence[int] = (0,),
) -> Cost:
    """Run a command to its end.

    Args:
        words: the command.
        env: its environment.
        folder: its working directory; default ours.
        codes: the exit codes that are no failure.

    Raises:
        RuntimeError: it failed; carries what it output.
    """
    began = time.monotonic()
    with subprocess.Popen(
        words,
        env=dict(env),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout
        tree = _Tree(process.pid)
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        tree.stop()
    if process.returncode not in codes:
        end = output.decode()[-2000:]
        raise RuntimeError(f"{' '.join(words)}: {process.returncode}: {end}")
    # The kernel knows the peak of the largest process; the samples may miss it.
    peak = max(used.ru_maxrss * 1024, tree.peak) / 2**20
    return Cost(wall, used.ru_utime + used.ru_stime, peak)


class _Tree(threading.Thread):
    """Samples the resident memory of a process and all of its descendants.

    Attributes:
        peak: the largest sum, in bytes.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid = pid
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._ended.wait(_PAUSE):
            self.peak = max(self.peak, resident(self._pid))

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self.join()


def resident(pid: int) -> int:
    """Return the resident bytes of a process and its descendants (Linux)."""
    folder = Path("/proc", str(pid))
    try:
        pages = int((folder / "statm").read_text().split()[1])
        children = [
            int(child)
            for task in (folder / "task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (OSError, IndexError):
        return 0  # it has ended
    return pages * _PAGE + sum(map(resident, children))
