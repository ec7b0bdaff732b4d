"""Find the rows that repeat a row: those with the same reason code and values."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import duckdb

from monitor.why.subjects import Repeat, Subject
from runtime.duck import rows, text

_LISTED = 3
_DECISION = ("status", "output", "reason_code")


def duplicates_of(
    connection: duckdb.DuckDBPyConnection,
    audit: str,
    subject: Subject,
    row: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Return for each code of repeats that a row has which other rows are meant.

    Args:
        connection: the warehouse.
        audit: what to read, as in a FROM clause: the table, or a package's file.
        subject: what the row is.
        row: the row, as `audit` has it.

    Returns:
        By code: `shared` (the columns with equal values, and the values), `rows` (at
        most three other rows, published ones first), `more` (how many others there
        are beside these) and `won` (how many of all rows, this one included, are
        published). A code is left out if the audit lacks a column.
    """
    codes = (row.get("reason_codes") or "").split("|")
    duplicates = {}
    for repeat in subject.repeats:
        if repeat.code in codes:
            with suppress(duckdb.BinderException):
                duplicates[repeat.code] = _repeated(
                    connection, audit, subject, repeat, row
                )
    return duplicates


def _repeated(
    connection: duckdb.DuckDBPyConnection,
    audit: str,
    subject: Subject,
    repeat: Repeat,
    row: Mapping[str, Any],
) -> dict[str, Any]:
    names = (subject.id, *subject.place)
    columns = dict.fromkeys((*names, subject.label, *subject.shown, *_DECISION))
    # A package's file has numbers as text. DuckDB 2 stops at a text that is no number
    # if try_cast is directly over a column of read_csv.
    numbers = {
        name: f"try_cast(nullif(cast({name} as varchar), '') as bigint)"
        for name in names
    }
    selected = ", ".join(
        f"{numbers[name]} as {name}" if name in numbers else name for name in columns
    )
    is_row = " and ".join(
        f"cast({name} as varchar) is not distinct from {_literal(row[name])}"
        for name in names
    )
    equal = " and ".join(
        _equal(name, compared, row[name]) for name, compared in repeat.columns.items()
    )
    # Only the first row that looks like this one is left out: a stock row without an
    # id may be there twice.
    listed = rows(
        connection,
        f"select {selected}, count(*) over () as _all,"
        f" count(*) filter (where output = 'PUBLISH') over () as _won,"
        f" row_number() over (order by ({is_row}) desc, output = 'PUBLISH' desc,"
        f" {', '.join(numbers.values())}) as _place from {audit} where {equal}"
        f" and contains('|' || reason_codes || '|', {text(f'|{repeat.code}|')})"
        f" order by _place limit {_LISTED + 1}",
    )
    others = [{name: each[name] for name in columns} for each in listed[1:]]
    return {
        "shared": {name: row[name] for name in repeat.columns},
        "rows": others,
        "more": listed[0]["_all"] - 1 - len(others) if listed else 0,
        "won": listed[0]["_won"] if listed else 0,
    }


def _equal(name: str, compared: str, value: Any) -> str:
    """Return the condition that a row has this value too; blank and null are equal."""
    if value in (None, ""):
        return f"coalesce({name}, '') = ''"
    return f"{compared.format(name)} = {compared.format(text(str(value)))}"


def _literal(value: Any) -> str:
    return "null" if value is None else text(str(value))
