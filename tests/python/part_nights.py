"""Nights of real builds of the inventory, whose parts change as a test says.

The nights are hours of one day.
"""

import shutil
from pathlib import Path

import duckdb
from built_project import BuiltProject
from landing import RUN, item, land_parts, stock, write_extract

from runtime.files import relink, sha256_of


def parts(**changed: dict[str, object]) -> tuple[list[dict], list[dict]]:
    """Return parts at 100.00 with stock, some of them changed by their name."""
    named = {"PRICE-1": "AM", "GAP-1": "AM", "TYPE-1": "OEM", "BRAND-1": "OEM"}
    named |= {f"GOOD-{number}": "AM" for number in range(16)}
    items, stocked = [], []
    for number, (name, kind) in enumerate(named.items(), 1):
        fields = {"Price": "100.00", "StdCost": "0.50", "cf_list_price": "500"}
        fields |= changed.get(name, {})
        on_hand = str(fields.pop("on_hand", "9"))
        items.append(item(number, name, str(fields.pop("kind", kind)), **fields))
        stocked.append(stock(number, on_hand))
    return items, stocked


def rows_of(file: Path) -> int:
    """Count the rows of a Parquet file."""
    with duckdb.connect() as connection:
        query = "select count(*) from read_parquet(?)"
        (row,) = connection.execute(query, [str(file)]).fetchall()
    return int(row[0])


def night(project: BuiltProject, hour: int, **changed: dict[str, object]) -> None:
    """Land, build and publish once."""
    run, scratch = f"20260115T0{hour}0000Z-test", project.folder / f"landing {hour}"
    land_parts(scratch, *parts(**changed))
    landed = scratch / "landing" / RUN / "ordertime"
    entities = {
        file.stem: {"sha256": sha256_of(file), "rows": rows_of(file)}
        for file in landed.iterdir()
    }
    write_extract(scratch, "ordertime", entities, run=run)
    current = project.data / "landing/current/ordertime"
    current.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(landed.parent, project.data / "landing" / run)
    relink(current, f"../{run}/ordertime")
    done = project.run("publish", "build", "onpart_inventory")
    assert done.returncode == 0, done.stdout
    at = f"2026-01-15T0{hour}:30:00Z"
    result = project.run_json("publish", "onpart_inventory", "--at", at)
    assert result["status"] == "done", result
    assert result["files"][0]["status"] == "delivered"
