"""How long `monitor why` takes, for each kind of key, beside a bare point query:

    python -m benchmarks.why --items 1000000 --orders 1000000
    python -m benchmarks.why --data data/dev

Each is a whole process, start included, and they take turns, so that whatever else
the machine does burdens all alike. The query scans one column of the audit in DuckDB
and fetches the row: nothing that looks into the warehouse can do less.
"""

import os
import random
import sys
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import click
import duckdb

from benchmarks.measure import Cost, cost_of
from benchmarks.steps import place, stand_in

_FLOOR = "a bare point query"
_QUERY = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as opened:
    told = opened.execute(
        f"select * from inventory_audit where item_name = '{sys.argv[2]}'"
    )
    print(told.fetchall())
"""
# As people have them: the relation that knows the key, and how it is typed.
_KINDS = {
    "SKU": ("inventory_audit", "item_name"),
    "part number, spelled otherwise": (
        "inventory_audit", "lower(replace(mfr_part_number, '-', ' '))",
    ),
    "OEM number": ("inventory_audit", "oem_part_number"),
    "Partslink number": ("inventory_audit", "partslink_number"),
    "UPC": ("inventory_audit", "gtin"),
    "part id": ("inventory_audit", "'part:' || item_id"),
    "order id": ("order_audit", "order_id::varchar"),
    "section id": ("int_orders_02_sections", "sis_section_id"),
}  # fmt: skip


@click.command()
@click.option("--items", default=1_000_000, show_default=True, help="Part items.")
@click.option("--orders", default=1_000_000, show_default=True, help="Orders.")
@click.option("--data", type=Path, help="A data directory that is there already.")
@click.option("--times", default=10, show_default=True, help="Keys of each kind.")
def bench(items: int, orders: int, data: Path | None, times: int) -> None:
    """Ask about parts and orders drawn by a fixed seed."""
    if data is not None:
        _measure(data, {**os.environ, "FEEDS_DATA": str(data)}, times)
        return
    with (
        place() as here,
        stand_in("ordertime", "--items", str(items)) as parts,
        stand_in("order-tool", "--orders", str(orders)) as ordered,
    ):
        partner = here.folder / "partner"
        (partner / "dev/order-feed").mkdir(parents=True)
        env = {
            **here.env,
            "DEST_ONPART_URL": partner.as_uri(),
            "DEST_ORDERS_URL": partner.as_uri(),
        }
        cost_of(["extract", "--quiet"], {**env, **parts, **ordered})
        cost_of(["dbt", "--quiet", "build"], env)
        cost_of(["publish", "--quiet"], env)
        _measure(here.data, env, times)


def _measure(data: Path, env: Mapping[str, str], times: int) -> None:
    warehouse = str(data / "warehouse.duckdb")
    # Not in this process: its memory would be counted as that of every question.
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        counts, keys = other.submit(_known, warehouse, times).result()
    print(f"{counts[0]:,} rows of parts, {counts[1]:,} orders, {os.cpu_count()} cores")
    print(f"load before {os.getloadavg()[0]:.1f}")
    costs: dict[str, list[Cost]] = defaultdict(list)
    for turn in range(times):
        for kind, known in keys.items():
            if turn < len(known):
                costs[kind].append(cost_of(["monitor", "why", known[turn]], env))
        words = [sys.executable, "-c", _QUERY, warehouse, keys["SKU"][turn]]
        costs[_FLOOR].append(cost_of(words, env))
    print(f"load after {os.getloadavg()[0]:.1f}\n")
    print("| key | keys | median s | best s | most s | cpu s | peak MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for kind, spent in costs.items():
        wall = [cost.wall for cost in spent]
        print(
            f"| {kind} | {len(spent)} | {median(wall):.2f} | {min(wall):.2f} |"
            f" {max(wall):.2f} | {median(cost.cpu for cost in spent):.2f} |"
            f" {max(cost.peak for cost in spent):,.0f} |"
        )


def _known(warehouse: str, times: int) -> tuple[list[int], dict[str, list[str]]]:
    """Return the rows of both audits, and keys of each kind."""
    with duckdb.connect(warehouse, read_only=True) as opened:
        counts = [
            opened.execute(f"select count(*) from {audit}").fetchall()[0][0]
            for audit in ("inventory_audit", "order_audit")
        ]
        keys = {kind: _drawn(opened, *where, times) for kind, where in _KINDS.items()}
    return counts, keys


def _drawn(
    opened: duckdb.DuckDBPyConnection, relation: str, typed: str, times: int
) -> list[str]:
    """Return keys of one kind, drawn by a fixed seed."""
    known = opened.execute(
        f"select list(distinct key order by key) filter (where hash(key) % 100 = 0),"
        f" list(distinct key order by key)[:{times}]"
        f" from (select {typed} as key from {relation}) where key is not null"
    ).fetchall()[0]
    among = known[0] if len(known[0] or ()) >= times else known[1] or []
    return random.Random(0).sample(among, min(times, len(among)))


if __name__ == "__main__":
    bench()
