"""The least that a step of the order feed could cost: DuckDB, and nothing else.

python -m benchmarks.floors copied WAREHOUSE FOLDER AT
python -m benchmarks.floors delta WAREHOUSE ARTIFACTS
python -m benchmarks.floors read WAREHOUSE
"""

import json
from pathlib import Path

import click

from benchmarks.duck import duck

FEED, DELTA = "order_feed_v2", "order_feed_delta_v2"
_Path = click.Path(exists=True, path_type=Path)


@click.group()
def floors() -> None:
    """Take one step as plainly as it can be taken."""


@floors.command()
@click.argument("warehouse", type=_Path)
@click.argument("folder", type=_Path)
@click.argument("at")
def copied(warehouse: Path, folder: Path, at: str) -> None:
    """Write the rows of all files that are full at a time to one CSV, unsorted."""
    with duck(warehouse, folder, read_only=True) as connection:
        connection.execute(f"""
            copy (
                select * exclude (sis_term_id)
                from {FEED}
                where sis_term_id in (
                    select sis_term_id
                    from order_terms
                    where
                        ordering_opens_at <= timestamptz '{at}'
                        and ordering_closes_at > timestamptz '{at}'
                )
            )
            to '{folder}/copied.csv' (format csv, header, force_quote *)
        """)


@floors.command()
@click.argument("warehouse", type=_Path)
@click.argument("artifacts", type=_Path)
def delta(warehouse: Path, artifacts: Path) -> None:
    """Make the delta once more, from the tables that `dbt build` left."""
    nodes = json.loads((artifacts / "manifest.json").read_text())["nodes"]
    (model,) = (node for node in nodes.values() if node["alias"] == DELTA)
    with duck(warehouse, artifacts, read_only=True) as connection:
        connection.execute(f"create temp table delta as {model['compiled_code']}")


@floors.command()
@click.argument("warehouse", type=_Path)
def read(warehouse: Path) -> None:
    """Read today's rows and the delivered rows once, and compute a hash of each."""
    delivered = warehouse.parent / "delivered" / FEED / "*.parquet"
    with duck(warehouse, warehouse.parent, read_only=True) as connection:
        columns = connection.execute(f"describe {FEED}").fetchall()
        digest = f"sum(hash({', '.join(name for name, *_ in columns)}))"
        for rows in (FEED, f"read_parquet('{delivered}')"):
            connection.execute(f"select {digest} from {rows}").fetchall()


if __name__ == "__main__":
    floors()
