"""Profile a file: its rows, and a few figures of each column, in SQL.

One select reads the file in the dialect that its manifest names. FEEDS_MEMORY_LIMIT
bounds the memory, whatever the size of the file.

A profile is a JSON object:

    file, feed, split, run_id, logical_time, sha256, rows
    columns     name -> kind (number, text, time) and nulls (share of empty fields);
                of numbers median, middle (the 40 % and 60 % quantiles) and zeros
                (share); of texts length (mean) and distinct (different values)
    reasons     reason code -> share of the source's rows
    moves       shares of rows added, removed and changed, and changed by column
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime import duck
from runtime.environment import Limits
from store.cells import plain_number
from store.package import Package

if TYPE_CHECKING:
    import duckdb

EXACT = 100_000  # rows; in longer files different values are estimated
_TYPES = {"integer": "number", "number": "number", "datetime": "time", "date": "time"}


def profile(package: Package, limits: Limits, scratch: Path) -> dict[str, Any]:
    """Profile the file of a package.

    Args:
        package: the package.
        limits: memory and threads for DuckDB.
        scratch: an existing folder, for what does not fit into memory.

    Raises:
        OSError, ValueError, LookupError, duckdb.Error: the file cannot be read.
    """
    file, run = package.resource, package.run
    with (
        duck.open_session(limits, scratch) as connection,
        package.cells(scratch) as source,
    ):
        connection.execute("set preserve_insertion_order = false")
        kinds = _view(connection, package, source)
        rows, columns = _columns(connection, kinds, file["rows"] <= EXACT)
    return {
        "file": package.file,
        "feed": package.feed,
        "split": run.get("split"),
        "run_id": package.run_id,
        "logical_time": run["logical_time"],
        "sha256": file["hash"].removeprefix("sha256:"),
        "rows": rows,
        "columns": columns,
        "reasons": _reasons(run.get("counts") or []),
        "moves": _moves(run.get("changes") or {}),
    }


def _view(
    connection: duckdb.DuckDBPyConnection, package: Package, source: str
) -> dict[str, str]:
    """Make the view `file`, columns c0, c1 ...; return the kind of each column."""
    fields = package.fields
    kinds = {name: _TYPES.get(each["type"], "text") for name, each in fields.items()}
    # An empty text counts as missing. Text in a column of numbers counts as missing:
    # DuckDB 2 stops at it if try_cast is directly over a column of read_csv.
    texts = {column: f"nullif({duck.name(column)}, '')" for column in kinds}
    cells = ", ".join(
        f"try_cast({plain_number(fields[column], texts[column])} as double) as c{place}"
        if kind == "number"
        else f"{texts[column]} as c{place}"
        for place, (column, kind) in enumerate(kinds.items())
    )
    connection.execute(f"create view file as select {cells} from {source}")
    return kinds


def _columns(
    connection: duckdb.DuckDBPyConnection, kinds: Mapping[str, str], exact: bool
) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the number of rows, and the figures of every column."""
    count = "count(distinct @)" if exact else "approx_count_distinct(@)"
    figures = ", ".join(
        f"{{{_FIGURES[kind].replace('COUNT', count).replace('@', f'c{place}')}}}"
        for place, kind in enumerate(kinds.values())
    )
    row = connection.execute(f"select count(*), {figures} from file").fetchone()
    if row is None:
        raise LookupError("an aggregate gave no row")
    rows: int = row[0]
    columns = {}
    for (name, kind), column in zip(kinds.items(), row[1:], strict=True):
        filled = column.pop("filled")
        column["nulls"] = _share(rows - filled, rows)
        if kind == "number":
            column["zeros"] = _share(column["zeros"], filled)
            low, middle, high = column.pop("quantiles") or (None, None, None)
            column |= {"median": middle, "middle": [low, high] if filled else None}
        columns[name] = {"kind": kind, **{k: _short(v) for k, v in column.items()}}
    return rows, columns


_FIGURES = {
    "number": "filled: count(@), zeros: count(*) filter (@ = 0), "
    "quantiles: approx_quantile(@, [0.4, 0.5, 0.6])",
    "text": "filled: count(@), 'distinct': COUNT, length: avg(length(@))",
    "time": "filled: count(@)",
}


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [_short(each) for each in value]
    return value


def _reasons(counts: list[Mapping[str, Any]]) -> dict[str, float]:
    every = sum(each["rows"] for each in counts)
    return {each["reason"]: _share(each["rows"], every) for each in counts}


def _moves(changes: Mapping[str, Any]) -> dict[str, float]:
    """Return shares of the rows before; nothing for a first file."""
    before = changes.get("rows_before")
    if not before or changes.get("first"):
        return {}
    moved = {kind: changes.get(kind, 0) for kind in ("added", "removed", "changed")}
    # A share that a declaration of `ignore` would make smaller is no drift.
    moved["changed"] += changes.get("ignored", {}).get("rows", 0)
    named = {f"changed {name}": n for name, n in changes.get("columns", {}).items()}
    return {kind: _share(count, before) for kind, count in {**moved, **named}.items()}
