"""One command as a whole process: wall and CPU seconds, peak memory."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process cost.

    Attributes:
        wall: seconds from start to end.
        cpu: user and system seconds, its children included.
        peak: the largest resident set of one process, in MiB.
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


def cost_of(words: Sequence[str], env: Mapping[str, str]) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; carries what it output.
    """
    began = time.monotonic()
    with subprocess.Popen(
        words, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    if process.returncode:
        end = output.decode()[-2000:]
        raise RuntimeError(f"{' '.join(words)}: {process.returncode}: {end}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
