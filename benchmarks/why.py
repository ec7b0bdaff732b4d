"""Measure how long `monitor why` takes for each kind of key:

    python -m benchmarks.why --items 1000000 --orders 1000000

Each question is a whole process, its start included.
"""

from multiprocessing import get_context
from statistics import median

import click
import duckdb

from benchmarks.measure import cost_of
from benchmarks.steps import place, stand_in

# The table that has the key, and how a person types it.
_KINDS = {
    "SKU": ("inventory_audit", "item_name"),
    "part number in another spelling": (
        "inventory_audit", "lower(replace(mfr_part_number, '-', ' '))",
    ),
    "part id": ("inventory_audit", "'part:' || item_id"),
    "order id": ("order_audit", "'order:' || order_id"),
    "section id": ("int_orders_02_sections", "sis_section_id"),
}  # fmt: skip


@click.command()
@click.option("--items", default=1_000_000, show_default=True, help="Part items.")
@click.option("--orders", default=1_000_000, show_default=True, help="Orders.")
@click.option("--times", default=10, show_default=True, help="Keys of each kind.")
def bench(items: int, orders: int, times: int) -> None:
    """Ask about parts and orders."""
    with (
        place() as here,
        stand_in("ordertime", "--items", str(items)) as parts,
        stand_in("order-tool", "--orders", str(orders)) as ordered,
    ):
        partner = here.folder / "partner"
        (partner / "dev/order-feed").mkdir(parents=True)
        urls = {
            "DEST_ONPART_URL": partner.as_uri(),
            "DEST_ORDERS_URL": partner.as_uri(),
        }
        env = {**here.env, **urls}
        cost_of(["extract", "--quiet"], {**env, **parts, **ordered})
        cost_of(["dbt", "--quiet", "build"], env)
        cost_of(["publish", "--quiet"], env)
        # In another process: a child starts with the peak memory of its parent.
        with get_context("spawn").Pool(1) as pool:
            keys = pool.apply(_keys, (str(here.warehouse), times))
        print("| key | keys | median s | most s | cpu s | peak MiB |")
        print("|---|---:|---:|---:|---:|---:|")
        for kind, known in keys.items():
            spent = [cost_of(["monitor", "why", key], env) for key in known]
            print(
                f"| {kind} | {len(spent)} | {median(cost.wall for cost in spent):.2f} |"
                f" {max(cost.wall for cost in spent):.2f} |"
                f" {median(cost.cpu for cost in spent):.2f} |"
                f" {max(cost.peak for cost in spent):,.0f} |"
            )


def _keys(warehouse: str, times: int) -> dict[str, list[str]]:
    """Return keys of each kind, the same ones each time."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        return {
            kind: [
                key
                for (key,) in connection.execute(
                    f"select distinct {typed} as key from {table}"
                    f" where key is not null order by hash(key) limit {times}"
                ).fetchall()
            ]
            for kind, (table, typed) in _KINDS.items()
        }


if __name__ == "__main__":
    bench()
