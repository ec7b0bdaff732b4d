"""The records of a source that a row came from, as `extract` landed them."""

from pathlib import Path
from typing import Any

import duckdb

from monitor.warehouse import Row, rows, text
from monitor.why.find import Match


def source(
    connection: duckdb.DuckDBPyConnection, landing: Path, match: Match, run: str
) -> dict[str, Any]:
    """Return the records a row came from, as `extract` landed them in a run."""
    folder = landing / run / match.subject.source
    records: dict[str, list[Row]] = {}
    for landed in match.subject.landed:
        path = folder / f"{landed.entity}.parquet"
        if match.id is None or not path.is_file():
            continue
        found = rows(
            connection,
            f"select * from read_parquet({text(str(path))})"
            f" where {landed.column} = {match.id}",
        )
        records[landed.entity] = [_of_place(match, row) for row in found]
        if "stock_row_id" in match.row and landed.entity == "stock_by_location":
            records[landed.entity] = [
                row for row in records[landed.entity] if _is_here(match, row)
            ]
    return {"run_id": run, "folder": str(folder), "records": records}


def _of_place(match: Match, row: Row) -> Row:
    """Leave out what a record does not say."""
    return {name: value for name, value in row.items() if value is not None}


def _is_here(match: Match, record: Row) -> bool:
    place = record.get("LocationRef") or {}
    return bool(place.get("Id") == match.row["location_id"])
