"""What changed against what the partner holds: the sum of it, and rows to look at."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from monitor.report.preview import clean
from runtime.duck import sql_text
from runtime.environment import Limits
from store.package import Package

EACH = 20  # rows of a kind
_KINDS = ("removed", "changed", "added")


@dataclass(frozen=True, slots=True)
class Row:
    """One row that differs.

    Attributes:
        kind: added, removed or changed.
        key: what names it.
        cells: of a changed row, column, value before and after.
    """

    kind: str
    key: str
    cells: tuple[tuple[str, str, str], ...]


def rows(package: Package, limits: Limits) -> list[Row]:
    """Return the first rows of each kind, in the order of changes.csv.

    Of changed rows first those that differ in more than what most differ in, which is
    mostly the time of the last update.

    Raises:
        OSError, ValueError, LookupError, duckdb.Error: it cannot be read.
    """
    told: Mapping[str, Any] = package.run.get("changes") or {}
    table = package.table("changes")
    if table is None or told.get("first"):
        return []
    names = [field["name"] for field in table["schema"]["fields"]]
    source = package.read_csv(table)
    found: list[Row] = []
    config: dict[str, Any] = {"memory_limit": limits.memory, "threads": limits.threads}
    with duckdb.connect(config=config) as connection:
        for kind in _KINDS:
            if told.get(kind):  # a kind that is not there need not be looked for
                found += [
                    _row(dict(zip(names, row, strict=True)), package)
                    for row in _some(connection, source, kind, told)
                ]
    return found


def _some(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    kind: str,
    told: Mapping[str, Any],
) -> list[tuple[Any, ...]]:
    every = f"select * from {source} where _change = {sql_text(kind)}"
    if kind != "changed" or not told.get("columns"):
        return connection.execute(f"{every} limit {EACH}").fetchall()
    most = max(told["columns"], key=lambda name: told["columns"][name])
    found: list[tuple[Any, ...]] = []
    for sign in ("<>", "="):
        some = f"{every} and _columns {sign} {sql_text(most)} limit {EACH - len(found)}"
        found += connection.execute(some).fetchall()
    return found


def _row(values: Mapping[str, str | None], package: Package) -> Row:
    before: dict[str, Any] = json.loads(values["_before"] or "{}")
    cells = tuple(
        (name, clean(_said(before.get(name))), clean(_said(values.get(name))))
        for name in (values["_columns"] or "").split("|")
        if name
    )
    return Row(str(values["_change"]), named(package, values), cells)


def named(package: Package, values: Mapping[str, Any]) -> str:
    """Name a row by its key, in the order of the exposure."""
    return " / ".join(clean(_said(values[each])) for each in _keys(package, values))


def _keys(package: Package, values: Mapping[str, Any]) -> Sequence[str]:
    # Packages from before there was `key` have it as the primary key.
    named = (
        package.resource.get("key")
        or package.resource["schema"].get("primaryKey")
        or []
    )
    return [name for name in named if name in values] or [
        name for name in values if not name.startswith("_")
    ][:3]


def _said(value: object) -> str:
    return "" if value is None else str(value)
