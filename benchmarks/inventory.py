"""The inventory feed on a generated sample: `make bench`, or

    python -m benchmarks.inventory --items 1000000

Extract from a stand-in without latency, build, and publish without upload, each as
a user runs it and as a whole process; and the SQL of the build once more by hand.
"""

import os
import sys
import tempfile
from pathlib import Path

import click

from benchmarks.measure import HEADER, Cost, cost_of
from sandbox import ordertime
from sandbox.sample import Sample


@click.command()
@click.option("--items", default=1_000_000, show_default=True, help="Part items.")
@click.option("--latency-ms", default=0, show_default=True, help="Of every request.")
def bench(items: int, latency_ms: int) -> None:
    """Measure every step of the inventory feed."""
    with (
        tempfile.TemporaryDirectory(prefix="bench ") as name,
        ordertime.serve(Sample(items), latency_ms=latency_ms) as server,
    ):
        folder = Path(name)
        data, artifacts = folder / "data", folder / "target"
        env = {
            **os.environ,
            **server.variables,
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


def show(name: str, cost: Cost, note: str = "") -> None:
    """Print one row as soon as it is known."""
    print(cost.row(name, note), flush=True)


if __name__ == "__main__":
    bench()
