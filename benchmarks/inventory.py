"""The inventory feed on a generated sample: `make bench`, or

    python -m benchmarks.inventory --items 1000000

Extract from a stand-in without latency, build, and publish without upload, each as
a user runs it and as a whole process; and the SQL of the build once more by hand.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from benchmarks.measure import HEADER, Cost, cost_of


@click.command()
@click.option("--items", default=1_000_000, show_default=True, help="Part items.")
@click.option("--latency-ms", default=0, show_default=True, help="Of every request.")
def bench(items: int, latency_ms: int) -> None:
    """Measure every step of the inventory feed."""
    with (
        tempfile.TemporaryDirectory(prefix="bench ") as name,
        stand_in(items, latency_ms) as variables,
    ):
        folder = Path(name)
        data, artifacts = folder / "data", folder / "target"
        env = {
            **os.environ,
            **variables,
            "FEEDS_DATA": str(data),
            "FEEDS_ACCEPT_FIRST": "1",
            "DBT_TARGET_PATH": str(artifacts),
            "DBT_LOG_PATH": str(folder / "logs"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        print(f"{items:,} items, {os.cpu_count()} cores\n\n{HEADER}")
        show("extract", cost_of(["extract", "--quiet"], env))
        built = cost_of(["dbt", "--quiet", "build"], env)
        (folder / "hand").mkdir()
        hand = cost_of(
            [
                sys.executable,
                "-m",
                "benchmarks.by_hand",
                str(artifacts),
                str(data / "warehouse.duckdb"),
                str(folder / "hand"),
            ],
            env,
        )
        ratio = f"{built.wall / hand.wall:.2f} x wall, {built.cpu / hand.cpu:.2f} x cpu"
        show("dbt build", built, f"{ratio} of the same SQL by hand")
        show("the same SQL by hand", hand)
        show("publish --dry-run", cost_of(["publish", "--dry-run", "--quiet"], env))


@contextmanager
def stand_in(items: int, latency_ms: int) -> Iterator[dict[str, str]]:
    """Serve a made-up Order Time from a process of its own.

    In this process its memory would be counted as that of every step: the kernel
    gives a child the peak of what it was forked from.
    """
    words = ["sandbox", "ordertime", "--items", str(items)]
    words += ["--latency-ms", str(latency_ms)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PATH": path}
    ) as server:
        assert server.stdout
        variables = {}
        while "ORDERTIME_CA_FILE" not in variables:
            name, _, value = server.stdout.readline().strip().partition("=")
            variables[name] = value
        yield variables
        server.terminate()


def show(name: str, cost: Cost, note: str = "") -> None:
    """Print one row as soon as it is known."""
    print(cost.row(name, note), flush=True)


if __name__ == "__main__":
    bench()
