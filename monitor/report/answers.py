"""The partner's reports about a run: rejected rows by code, and the first of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from monitor.report.preview import clean
from runtime import duck
from runtime.exits import Refused
from store import feedback
from store.ledger import Record

EACH = 20  # rows of a report


def reports(
    connection: duckdb.DuckDBPyConnection, data: Path, records: Iterable[Record]
) -> list[dict[str, Any]]:
    """Return each report of a run: who recorded it, codes, first rows, unknown keys.

    Args:
        connection: any.
        data: the data directory.
        records: the ledger's records of the run.
    """
    return [
        {
            **{
                name: clean(str(each[name])) for name in ("name", "at", "by", "because")
            },
            "rows": each["rows"],
            "codes": [(clean(code), n) for code, n in each["codes"].items()],
            "unknown": each["unknown"],
            "unknown_keys": [clean(key) for key in each["unknown_keys"]],
            **_lines(connection, data, each),
        }
        for each in records
        if each["event"] == "feedback"
    ]


def _lines(
    connection: duckdb.DuckDBPyConnection, data: Path, record: Record
) -> Mapping[str, Any]:
    path = feedback.part_of(data, record)
    try:
        rows = feedback.rows_of(path, record["columns"])
        first = duck.rows(connection, f"select * from {rows} limit {EACH}")
    except (Refused, duckdb.Error) as error:
        return {"columns": [], "lines": [], "missing": clean(str(error))}
    keys = list(record["columns"]["key"].values())
    lines = [
        [clean(str(row[name] or "")) for name in (*keys, "_code", "_text")]
        for row in first
    ]
    return {"columns": keys, "lines": lines, "missing": ""}
