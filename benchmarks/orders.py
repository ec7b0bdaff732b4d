"""The order feed on a generated sample: `make bench`, or

    python -m benchmarks.orders --orders 1000000

Two nights of a delta-up university. After the first one everything is delivered to a
folder; in the second, one or two orders in a hundred have changed. The steps run as a
user runs them, as whole processes, each beside the least that any way could cost.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import click

from benchmarks.duck import duck
from benchmarks.measure import Cost
from benchmarks.steps import Place, begin, place, show, stand_in

FULL, DELTA = "order_feed_full_file", "order_feed_delta_file"
# A test of the audit stands on it, and no model.
SEED = "order_warning_codes"


@click.command()
@click.option("--orders", default=1_000_000, show_default=True, help="Orders.")
def bench(orders: int) -> None:
    """Measure every step of the order feed."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    sample = ("order-tool", "--orders", str(orders), "--now", f"{midnight:%Y-%m-%d}")
    # Both extracts are of today: at a later day's hour they would be stale.
    due = [f"{midnight + timedelta(days=day, hours=8):%FT%TZ}" for day in (-1, 0)]
    with place() as here:
        begin(f"{orders:,} orders")
        with stand_in(*sample) as source:
            show("extract", _extract(here, source))
        # What the file stands on is enough for it; the whole is built below.
        here.run("dbt", "--quiet", "build", "--select", f"+exposure:{FULL}", SEED)
        full = _deliver(here, due[0])
        copied = here.module("floors", "copied", here.warehouse, here.folder, due[0])
        show("publish to a folder, full", full, f"{full.over(copied)} of a plain copy")
        show("the same rows, copied plainly to CSV", copied)

        with stand_in(*sample, "--day", "1") as source:
            _extract(here, source)
        here.build()
        delta = here.module("floors", "delta", here.warehouse, here.folder / "target")
        read = here.module("floors", "read", here.warehouse)
        show("the delta alone", delta, f"{delta.over(read)} of reading both states")
        show("both states, read once", read)
        show(
            "publish --dry-run, delta",
            here.run("publish", DELTA, "--dry-run", "--quiet", "--at", due[1]),
        )
        print(f"\n{_changed(here)}")


def _extract(here: Place, source: Mapping[str, str]) -> Cost:
    return here.run("extract", "order_tool", "--quiet", **source)


def _deliver(here: Place, at: str) -> Cost:
    partner = here.folder / "partner"
    (partner / "dev/order-feed").mkdir(parents=True)
    return here.run(
        "publish", FULL, "--quiet", "--at", at, DEST_ORDERS_URL=partner.as_uri()
    )


def _changed(here: Place) -> str:
    """Say how much the second night brought, in the terms that have files."""
    with duck(here.warehouse, here.folder, read_only=True) as connection:
        delta, full = (
            connection.execute(f"""
                select count(distinct order_id), count(*)
                from {table} inner join order_terms using (sis_term_id)
            """).fetchall()[0]
            for table in ("order_feed_delta_v2", "order_feed_v2")
        )
    return (
        f"Full: {full[0]:,} orders in {full[1]:,} rows; "
        f"delta: {delta[0]:,} orders in {delta[1]:,} rows."
    )


if __name__ == "__main__":
    bench()
