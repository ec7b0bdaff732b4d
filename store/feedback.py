"""Reports by which a partner rejects rows: `feedback/<sha256>.csv` and ledger records.

A record `feedback` names feed, file and run, the report (its name, SHA-256, bytes and
rows), the columns as declared then (`columns`), the rows of each code (`codes`), and
the keys that no file has (`unknown`, and the first of them). Each row of a report
belongs to the run that last sent its key. If these are several, each has a record, and
`part` is the digest of its rows: a file like the report.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from runtime import duck
from runtime.exits import Refused
from store.dialect import RFC_4180, Dialect, read_csv
from store.ledger import Ledger, Record


def path_of(data: Path, sha256: str) -> Path:
    """Return where a report is stored, by its digest."""
    return data / "feedback" / f"{sha256}.csv"


def part_of(data: Path, record: Record) -> Path:
    """Return the file with the rows that a record is about."""
    return path_of(data, record.get("part") or record["report"])


def rows_of(path: Path, columns: Mapping[str, Any]) -> str:
    """Return a FROM clause item of a report, as text.

    Its columns are those of the key, named as in the file, and `_code` and `_text`.

    Args:
        path: the report.
        columns: `feedback` of the exposure.

    Raises:
        Refused: it is not UTF-8, or its header lacks a column.
    """
    delimiter = columns.get("delimiter", ",")
    dialect: Dialect = msgspec.structs.replace(RFC_4180, delimiter=delimiter)
    header = _header(path, dialect)
    needed = [*columns["key"], columns["code"], columns.get("text") or columns["code"]]
    for name in needed:
        if header.count(name) != 1:
            raise Refused(
                f"{path}: expected one column {name!r} in the header, found "
                f"{', '.join(map(repr, header))}. Correct `feedback` of the exposure, "
                "or the report."
            )
    selected = [f"{duck.name(c)} as {duck.name(f)}" for c, f in columns["key"].items()]
    selected.append(f"{duck.name(columns['code'])} as _code")
    text = duck.name(columns["text"]) if columns.get("text") else "null::varchar"
    return (
        f"(select {', '.join(selected)}, {text} as _text "
        f"from {read_csv(path, header, dialect)})"
    )


def reports(
    ledger: Ledger, file: str | None = None, run_id: str | None = None
) -> list[Record]:
    """Return the records of reports, of one file or one run if named; oldest first."""
    return [
        record
        for record in ledger.all("feedback")
        if file in (None, record["file"]) and run_id in (None, record["run_id"])
    ]


def _header(path: Path, dialect: Dialect) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return next(csv.reader(lines, strict=True, **dialect.for_csv), [])
    except (OSError, ValueError, csv.Error) as error:
        raise Refused(
            f"{path}: expected a CSV file in UTF-8 with a header, found: {error}"
        ) from None
