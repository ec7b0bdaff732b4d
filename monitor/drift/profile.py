"""What a file looked like: rows, and of each column a few figures, in SQL.

One select over the file, read through the dialect that its manifest names, makes every
figure; a second one the shares of values of those columns that have few, which the
first one found. Reading twice costs a fifth of keeping what was read. Memory is bounded
by FEEDS_MEMORY_LIMIT, not by the file.

A profile is a JSON object:

    file, feed, split, run_id, logical_time, sha256, rows
    columns     name -> kind (number, text, time), nulls (share), distinct (estimated),
                min, median, max; of numbers mean, zeros (share) and 41 quantiles;
                of texts length (mean) and longest; values (shares), where there are
                few, else top (the most frequent ones)
    reasons     reason code -> share of the source's rows
    moves       shares of rows added, removed and changed, and changed by column
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from runtime import duck
from runtime.environment import Limits
from store.package import Package

STEPS = 40  # quantiles are told in steps of 2.5 %
FEW = 64  # so many different values are shares, more are not
EXACT = 100_000  # rows; of more, different values are estimated, for it costs less
_SHOWN = 60  # letters of a text
_TYPES = {"integer": "number", "number": "number", "datetime": "time", "date": "time"}


def profile(package: Package, limits: Limits, scratch: Path) -> dict[str, Any]:
    """Profile the file of a package.

    Args:
        package: the package.
        limits: memory and threads for DuckDB.
        scratch: a folder that exists, for what does not fit into memory.

    Raises:
        OSError, ValueError, LookupError, duckdb.Error: it cannot be read.
    """
    file, run = package.resource, package.run
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        config: dict[str, Any] = {
            "memory_limit": limits.memory,
            "threads": limits.threads,
            "temp_directory": f"{folder}/spill",
            "preserve_insertion_order": False,
        }
        with duckdb.connect(config=config) as connection:
            kinds = _view(connection, package)
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


def _view(connection: duckdb.DuckDBPyConnection, package: Package) -> dict[str, str]:
    """Make the view `file`, columns c0, c1 ...; return the kind of each column."""
    file = package.resource
    fields = file["schema"]["fields"]
    kinds = {field["name"]: _TYPES.get(field["type"], "text") for field in fields}
    # An empty text counts as missing. Text in a column of numbers counts as missing.
    cells = ", ".join(
        f"try_cast({duck.name(column)} as double) as c{place}"
        if kind == "number"
        else f"nullif({duck.name(column)}, '') as c{place}"
        for place, (column, kind) in enumerate(kinds.items())
    )
    connection.execute(
        f"create view file as select {cells} from {package.read_csv(file)}"
    )
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
    for (name, kind), found in zip(kinds.items(), row[1:], strict=True):
        filled = found.pop("filled")
        found["nulls"] = _share(rows - filled, rows)
        if "zeros" in found:
            found["zeros"] = _share(found["zeros"], filled)
            # One of the quantiles is the median: a digest less to keep.
            quantiles = found["quantiles"]
            found["median"] = quantiles[STEPS // 2] if quantiles else None
        columns[name] = {"kind": kind, **{k: _short(v) for k, v in found.items()}}
    _values(connection, columns, rows)
    return rows, columns


_STEPS = ", ".join(f"{step / STEPS:g}" for step in range(STEPS + 1))
_EVERY = "filled: count(@), 'distinct': COUNT, min: min(@), max: max(@)"
_FIGURES = {
    "number": f"{_EVERY}, mean: avg(@), "
    f"zeros: count(*) filter (@ = 0), quantiles: approx_quantile(@, [{_STEPS}])",
    "text": f"{_EVERY}, length: avg(length(@)), longest: max(length(@)), "
    "top: approx_top_k(@, 3)",
    "time": _EVERY,
}


def _values(
    connection: duckdb.DuckDBPyConnection,
    columns: Mapping[str, dict[str, Any]],
    rows: int,
) -> None:
    """Add the shares of values of the columns that have few; no value is one too."""
    few = {
        f"c{place}": name
        for place, (name, told) in enumerate(columns.items())
        if told["kind"] != "time" and 0 < told["distinct"] <= FEW
    }
    if not few:
        return
    sets = ", ".join(f"({column})" for column in few)
    # coalesce picks the one column of the set; grouping_id says which it was.
    value = ", ".join(f"cast({column} as varchar)" for column in few)
    which = " ".join(f"when grouping({column}) = 0 then '{column}'" for column in few)
    found = connection.execute(
        f"select case {which} end, coalesce({value}), count(*) from file "
        f"group by grouping sets ({sets}) order by 1, 3 desc, 2"
    ).fetchall()
    for column, key, count in found:
        told = columns[few[column]]
        told.pop("top", None)
        shares = told.setdefault("values", {})
        shares["" if key is None else _short(key)] = _share(count, rows)
    for name in few.values():
        columns[name]["distinct"] = len(columns[name]["values"].keys() - {""})


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, str):
        return value[:_SHOWN]
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
    named = {f"changed {name}": n for name, n in changes.get("columns", {}).items()}
    return {kind: _share(count, before) for kind, count in {**moved, **named}.items()}
