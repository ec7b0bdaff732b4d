"""The records of a source that a row came from, as `extract` landed them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from monitor.warehouse import Row, rows, text
from monitor.why.find import Match


def source(
    connection: duckdb.DuckDBPyConnection,
    landing: Path,
    found: Sequence[Match],
    run: str,
    whole: bool,
) -> list[dict[str, Any]]:
    """Return the records each row came from, as `extract` landed them in a run.

    A list is read once for all rows: it takes longer than all the rest.

    Args:
        connection: the warehouse.
        landing: the landed runs.
        found: rows of one subject.
        run: the run that landed the records.
        whole: also what a record says again, beside the columns made of it.
    """
    folder = landing / run / found[0].subject.source
    ids = sorted({match.id for match in found if match.id is not None})
    landed: dict[str, list[tuple[Any, Row]]] = {}
    for each in found[0].subject.landed:
        path = folder / f"{each.entity}.parquet"
        if ids and path.is_file():
            told = "*"
            if each.again and not whole:
                told = f"columns(name -> name <> {text(each.again)})"
            wanted = ", ".join(map(str, ids))
            records = rows(
                connection,
                f"select {each.column} as _of, {told}"
                f" from read_parquet({text(str(path))})"
                f" where {each.column} in ({wanted})",
            )
            landed[each.entity] = [(record["_of"], _said(record)) for record in records]
    return [
        {
            "run_id": run,
            "folder": str(folder),
            "records": {
                entity: [
                    record
                    for of, record in records
                    if of == match.id and _is_here(match, entity, record)
                ]
                for entity, records in landed.items()
            },
        }
        for match in found
    ]


def _said(record: Row) -> Row:
    """Leave out what a record does not say."""
    return {
        name: value
        for name, value in record.items()
        if value is not None and name != "_of"
    }


def _is_here(match: Match, entity: str, record: Row) -> bool:
    """Tell whether a record is of this row: stock lies in one place."""
    if entity != "stock_by_location" or "stock_row_id" not in match.row:
        return True
    place = record.get("LocationRef") or {}
    return bool(place.get("Id") == match.row["location_id"])
