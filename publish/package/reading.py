"""What a reader of the file has to get right: its characters, and what is risky in it.

Some values are read wrong by many programs. The manifest says how many of them this
very file has, and the first row of each kind; docs/reading.md says which programs
misread them.
"""

from collections.abc import Mapping
from typing import Any

import duckdb

from publish.gate import Rendered
from publish.package.manifest import type_of
from publish.render import as_text, rows
from runtime import duck

# SQL in which @ is a text as it is written. A text that looks like a number becomes
# 5.36E+124, loses its zeros, or is rounded: its first character decides for most texts.
_RISKS = {
    "line_breaks": "contains(@, chr(10)) or contains(@, chr(13))",
    "backslash_at_end": "ends_with(@, chr(92))",
    "like_exponents": "@ >= '0' and @ < ':' "
    "and regexp_full_match(@, '[0-9]+[Ee][0-9]+')",
    "like_numbers": "@ >= '0' and @ < ':' "
    "and regexp_full_match(@, '0[0-9]+|[0-9]{16,}')",
}


def measure(
    connection: duckdb.DuckDBPyConnection, file: Rendered
) -> tuple[int, dict[str, Mapping[str, Any]]]:
    """Return how many characters a reader finds in the text columns, and the risks.

    Returns:
        The number of Unicode characters; a missing value has none. For each kind of
        risky values of which the file has some: how many `values`, and the `first` row
        that has one, as its key and the `column`.
    """
    feed = file.feed
    columns = [each for each in feed.columns if type_of(each.type) == "string"]
    if not columns:
        return 0, {}
    cells = [
        as_text(column, f"t.{duck.name(column.name)}", feed.dialect)
        for column in columns
    ]
    source = f"{rows(feed, file.split)} as t"
    null_text = duck.text(feed.dialect.null_text)
    lengths = " + ".join(
        f"coalesce(sum(length({cell})) filter ({cell} <> {null_text}), 0)"
        for cell in cells
    )
    counts = ", ".join(
        " + ".join(f"count(*) filter ({_holds(risk, cell)})" for cell in cells)
        for risk in _RISKS
    )
    query = f"select {lengths}, {counts} from {source}"
    ((characters, *numbers),) = connection.execute(query).fetchall()
    order = ", ".join(f"t.{duck.name(column)} nulls first" for column in feed.sort)
    keys = ", ".join(f"cast(t.{duck.name(column)} as varchar)" for column in feed.key)
    risks: dict[str, Mapping[str, Any]] = {}
    for risk, number in zip(_RISKS, numbers, strict=True):
        if not number:
            continue
        whens = " ".join(
            f"when {_holds(risk, cell)} then {duck.text(column.name)}"
            for column, cell in zip(columns, cells, strict=True)
        )
        *key, column = connection.execute(
            f"select {keys}, case {whens} end as risky from {source} "
            f"where risky is not null order by {order} limit 1"
        ).fetchall()[0]
        first = {"key": dict(zip(feed.key, key, strict=True)), "column": column}
        risks[risk] = {"values": int(number), "first": first}
    return int(characters), risks


def _holds(risk: str, cell: str) -> str:
    """Return SQL: whether a text is risky."""
    return f"({_RISKS[risk].replace('@', cell)})"
