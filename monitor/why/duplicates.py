"""Who else claims what a row claims: the rows that bear one code of repeats with it."""

from collections.abc import Mapping
from typing import Any

import duckdb

from monitor.why.subjects import Repeat, Subject
from runtime.duck import rows, sql_text

_NAMED = 3
_TOLD = ("status", "output", "reason_code")


def duplicates_of(
    connection: duckdb.DuckDBPyConnection,
    audit: str,
    subject: Subject,
    row: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Return for each code of repeats that a row bears who else is meant by it.

    Args:
        connection: the warehouse.
        audit: what to read, as in a FROM clause: the table, or a package's file.
        subject: what the row is.
        row: the row, as `audit` has it.

    Returns:
        By code: `shared` (the columns that are alike, with their values), `rows` (at
        most three others, those that go out first), `more` (how many others there
        are beside these) and `won` (how many of all of them, this one too, go out).
        Nothing of a code where the file lacks a column.
    """
    bears = (row["reason_codes"] or "").split("|")
    told = {}
    for repeat in subject.repeats:
        if repeat.code in bears:
            try:
                told[repeat.code] = _of(connection, audit, subject, repeat, row)
            except duckdb.BinderException:
                continue
    return told


def _of(
    connection: duckdb.DuckDBPyConnection,
    audit: str,
    subject: Subject,
    repeat: Repeat,
    row: Mapping[str, Any],
) -> dict[str, Any]:
    names = (subject.id, *subject.place)
    columns = dict.fromkeys((*names, subject.label, *subject.shown, *_TOLD))
    # A package's file has numbers as text.
    numbers = [f"try_cast({name} as bigint)" for name in names]
    told = ", ".join(
        f"try_cast({name} as bigint) as {name}" if name in names else name
        for name in columns
    )
    itself = " and ".join(
        f"coalesce(cast({name} as varchar), '') = {sql_text(_as_text(row[name]))}"
        for name in names
    )
    alike = " and ".join(_alike(repeat, name, row[name]) for name in repeat.columns)
    # One row of all that look like this one is left out, not each of them: a stock
    # row without an id may be there twice.
    found = rows(
        connection,
        f"select {told}, count(*) over () as _all,"
        f" count(*) filter (where output = 'PUBLISH') over () as _won,"
        f" row_number() over (order by ({itself}) desc, output = 'PUBLISH' desc,"
        f" {', '.join(numbers)}) as _place from {audit} where {alike}"
        f" and contains('|' || reason_codes || '|', {sql_text(f'|{repeat.code}|')})"
        f" order by _place limit {_NAMED + 1}",
    )
    others = [{name: each[name] for name in columns} for each in found[1:]]
    return {
        "shared": {name: row[name] for name in repeat.columns},
        "rows": others,
        "more": found[0]["_all"] - 1 - len(others) if found else 0,
        "won": found[0]["_won"] if found else 0,
    }


def packed(path: str) -> str:
    """Return a package's audit as in a FROM clause, every column as text."""
    return (
        f"read_csv({sql_text(path)}, header = true, all_varchar = true, delim = ',',"
        " quote = '\"', escape = '\"')"
    )


def _alike(repeat: Repeat, name: str, value: Any) -> str:
    """Return the condition that a row has this value too; nothing is one value."""
    if value in (None, ""):
        return f"coalesce({name}, '') = ''"
    form = "{}"
    if name in repeat.any_case:
        form = "upper({})"
    if name in repeat.bare:
        form = "regexp_replace(upper({}), '[^A-Z0-9]+', '', 'g')"
    return f"{form.format(name)} = {form.format(sql_text(str(value)))}"


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)
