"""The rows that differ from what the partner has: the first ones of each kind."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from monitor.report.preview import clean
from runtime import duck
from store.package import Package

EACH = 20  # rows of a kind
_KINDS = ("removed", "changed", "added")


@dataclass(frozen=True, slots=True)
class Row:
    """One row that differs.

    Attributes:
        kind: added, removed or changed.
        key: the values of its key.
        cells: column, value before and value after, of a changed row.
    """

    kind: str
    key: str
    cells: tuple[tuple[str, str, str], ...]


def rows(connection: duckdb.DuckDBPyConnection, package: Package) -> list[Row]:
    """Return the first rows of each kind, in the order of changes.csv.

    Rows that differ only in the columns of `changes.ignore` come last. Without that
    declaration it is the column in which most rows differ, such as a time.

    Raises:
        OSError, ValueError, LookupError, duckdb.Error: the table cannot be read.
    """
    changes: Mapping[str, Any] = package.run.get("changes") or {}
    table = package.table("changes")
    if table is None or changes.get("first"):
        return []
    names = [field["name"] for field in table["schema"]["fields"]]
    source = package.read_csv(table)
    return [
        _row(dict(zip(names, row, strict=True)), package)
        for kind in _KINDS
        if changes.get(kind)
        for row in _first(connection, source, kind, changes)
    ]


def _first(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    kind: str,
    changes: Mapping[str, Any],
) -> list[tuple[Any, ...]]:
    query = f"select * from {source} where _change = {duck.text(kind)}"
    columns = changes.get("columns")
    if kind != "changed" or not columns:
        return connection.execute(f"{query} limit {EACH}").fetchall()
    last = [max(columns, key=lambda name: columns[name])]
    if ignored := changes.get("ignored"):
        last = ignored["columns"]
    others = (
        "list_has_any(string_split(_columns, '|'), "
        f"[{', '.join(duck.text(each) for each in columns if each not in last)}])"
    )
    rows: list[tuple[Any, ...]] = []
    for test in (others, f"not {others}"):
        limited = f"{query} and {test} limit {EACH - len(rows)}"
        rows += connection.execute(limited).fetchall()
    return rows


def _row(values: Mapping[str, str | None], package: Package) -> Row:
    before: dict[str, Any] = json.loads(values["_before"] or "{}")
    cells = tuple(
        (name, _text(before.get(name)), _text(values.get(name)))
        for name in (values["_columns"] or "").split("|")
        if name
    )
    return Row(str(values["_change"]), named(package, values), cells)


def named(package: Package, values: Mapping[str, Any]) -> str:
    """Return the values of a row's key, in the order of the exposure."""
    return " / ".join(_text(values[each]) for each in _keys(package, values))


def _keys(package: Package, values: Mapping[str, Any]) -> Sequence[str]:
    # Manifests of earlier versions have the key as the primary key.
    key = (
        package.resource.get("key")
        or package.resource["schema"].get("primaryKey")
        or []
    )
    return [name for name in key if name in values] or [
        name for name in values if not name.startswith("_")
    ][:3]


def _text(value: object) -> str:
    return "" if value is None else clean(str(value))
