"""How long `monitor why` takes, beside a bare point query of the same row:

    python -m benchmarks.why --items 1000000
    python -m benchmarks.why --data data/dev

Each is a whole process, start included, and they take turns, so that whatever else
the machine does burdens both alike. The query scans one column of the audit in DuckDB
and fetches the row: nothing that looks into the warehouse can do less.
"""

import os
import random
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import duckdb

from benchmarks.measure import cost_of
from benchmarks.steps import place, stand_in

_QUERY = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as opened:
    told = opened.execute(
        f"select * from inventory_audit where item_name = '{sys.argv[2]}'"
    )
    print(told.fetchall())
"""


@click.command()
@click.option("--items", default=1_000_000, show_default=True, help="Part items.")
@click.option("--data", type=Path, help="A data directory that is there already.")
@click.option("--times", default=10, show_default=True, help="Parts to ask about.")
def bench(items: int, data: Path | None, times: int) -> None:
    """Ask about parts drawn by a fixed seed."""
    if data is not None:
        _measure(data, {**os.environ, "FEEDS_DATA": str(data)}, times)
        return
    with place() as here, stand_in("ordertime", "--items", str(items)) as source:
        partner = here.folder / "partner"
        partner.mkdir()
        env = {**here.env, "DEST_ONPART_URL": partner.as_uri()}
        cost_of(["extract", "--quiet"], {**env, **source})
        cost_of(["dbt", "--quiet", "build"], env)
        cost_of(["publish", "onpart_inventory", "--quiet"], env)
        _measure(here.data, env, times)


def _measure(data: Path, env: Mapping[str, str], times: int) -> None:
    warehouse = str(data / "warehouse.duckdb")
    with duckdb.connect(warehouse, read_only=True) as opened:
        rows, keys = opened.execute(
            "select count(*), list(distinct item_name order by item_name)"
            " filter (where hash(item_name) % 1000 = 0) from inventory_audit"
        ).fetchall()[0]
    drawn = random.Random(0).sample(keys, min(times, len(keys)))
    why: list[float] = []
    floor: list[float] = []
    cpu: list[float] = []
    for key in drawn:
        bare = cost_of([sys.executable, "-c", _QUERY, warehouse, key], env)
        full = cost_of(["monitor", "why", key], env)
        floor.append(bare.wall)
        why.append(full.wall)
        cpu.append(full.cpu)
    print(f"{rows:,} rows, {len(drawn)} parts, {os.cpu_count()} cores\n")
    print("| step | median s | most s | of the floor |\n|---|---:|---:|---:|")
    _show("a bare point query", floor, floor)
    _show("monitor why", why, floor)
    print(f"\ncpu of monitor why: median {statistics.median(cpu):.2f} s")


def _show(name: str, seconds: Sequence[float], floor: Sequence[float]) -> None:
    middle = statistics.median(seconds)
    print(
        f"| {name} | {middle:.2f} | {max(seconds):.2f} |"
        f" {middle / statistics.median(floor):.1f} x |"
    )


if __name__ == "__main__":
    bench()
