"""What benchmarks share: a stand-in, a data directory, steps as a user takes them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import HEADER, Cost, cost_of

HERE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Place:
    """A data directory that is gone afterwards, and the environment that names it.

    Attributes:
        folder: has everything that the steps write.
        env: the environment of every step.
        root: the checkout whose commands are run.
    """

    folder: Path
    env: Mapping[str, str]
    root: Path

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def warehouse(self) -> Path:
        """The database that `dbt build` fills."""
        return self.data / "warehouse.duckdb"

    def run(self, *words: str, **variables: str) -> Cost:
        """Run a command as a whole process; `variables` go into its environment."""
        return self._run(words, variables, (0,))

    def report(self, *words: str, **variables: str) -> Cost:
        """Run a command that ends with 1 if it reports a problem."""
        return self._run(words, variables, (0, 1))

    def _run(
        self, words: Sequence[str], variables: Mapping[str, str], codes: Sequence[int]
    ) -> Cost:
        program = str(_programs(self.root) / words[0])
        words = (program, *words[1:])
        return cost_of(words, {**self.env, **variables}, self.root, codes)

    def module(self, name: str, *words: object) -> Cost:
        """Run a module of the benchmarks as a whole process."""
        return self.run("python", "-m", f"benchmarks.{name}", *map(str, words))

    def build(self) -> None:
        """Run `dbt build`, and its SQL once more by hand; print both."""
        built = self.run("dbt", "--quiet", "build")
        hand = self.module(
            "by_hand", self.folder / "target", self.warehouse, self.folder
        )
        show("dbt build", built, f"{built.over(hand)} of the same SQL by hand")
        show("the same SQL by hand", hand)


@contextmanager
def place(root: Path = HERE) -> Iterator[Place]:
    """Give a folder of one's own, where a first file needs no approval.

    Args:
        root: the checkout whose commands are run, with its own .venv.
    """
    # As a user's Python, which stores what it compiled.
    variables = {**os.environ}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="bench ") as name:
        folder = Path(name)
        yield Place(
            folder,
            {
                **variables,
                "FEEDS_ENVIRONMENT": "dev",
                "FEEDS_DATA": str(folder / "data"),
                "FEEDS_ACCEPT_FIRST": "1",
                "DBT_TARGET_PATH": str(folder / "target"),
                "DBT_LOG_PATH": str(folder / "logs"),
                "PATH": _path(root),
            },
            root,
        )


@contextmanager
def stand_in(*words: str) -> Iterator[dict[str, str]]:
    """Serve a made-up source from a process of its own; the variables that lead to it.

    In this process its memory would be counted as that of every step: the kernel
    gives a child the peak of what it was forked from.

    Raises:
        RuntimeError: it did not start.
    """
    with subprocess.Popen(
        [_programs(HERE) / "sandbox", *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": _path(HERE)},
    ) as server:
        assert server.stdout
        variables = {}
        for line in server.stdout:
            name, _, value = line.strip().partition("=")
            variables[name] = value
            if name.endswith("_CA_FILE"):  # the last one
                break
        else:
            raise RuntimeError(f"sandbox {' '.join(words)}: it did not start")
        try:
            yield variables
        finally:
            server.terminate()


def begin(what: str) -> None:
    """Say what is measured, and print the head of the table."""
    memory = os.environ.get("FEEDS_MEMORY_LIMIT") or "2GB"
    print(f"{what}, {os.cpu_count()} cores, memory limit {memory}\n\n{HEADER}")


def show(name: str, cost: Cost, note: str = "") -> None:
    """Print one row as soon as it is known."""
    print(cost.row(name, note), flush=True)


def _path(root: Path) -> str:
    return f"{_programs(root)}{os.pathsep}{os.environ['PATH']}"


def _programs(root: Path) -> Path:
    """Return the folder of the commands of a checkout."""
    return Path(sys.executable).parent if root == HERE else root / ".venv" / "bin"
