"""changes.csv: how the rows that the partner holds become those it will hold.

If the partner replaces rows by a key, only rows of keys in the file change.

Each line is a row of the file under three columns of ours: `_change` (added, removed,
changed), `_columns` (the columns that changed) and `_before` (their old values, as a
JSON object). So a line has both the old row and the new one, and the old rows with the
changes applied are the new rows. Before a first delivery changes.csv is only a header,
and the summary has `first: true`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from publish import render
from publish.gate import Rendered
from publish.package import row_diff
from publish.package.manifest import Resource
from publish.package.row_diff import Table
from runtime import duck
from runtime.environment import DataDirectory
from runtime.files import sha256_of
from store import partner_state
from store.dialect import RFC_4180
from store.feeds import Column, Feed
from store.ledger import Ledger
from store.package import Package

NAME = "changes.csv"
MOVES = 5
GROUPS = 100
_OURS = tuple(
    Column(name, "varchar", "") for name in ("_change", "_columns", "_before")
)


@dataclass(frozen=True, slots=True)
class PartnerState:
    """What the partner holds: rows, and their file if that has exactly these rows.

    Attributes:
        state: Parquet file of the rows.
        held: the rows of the feed and split value, a FROM clause item.
        package: digest of the package that set it; None if its file was adopted.
        file: the last file, if it was all that the partner holds and is still there.
        rows: of that file.
        contract: digest of the contract of that file.
    """

    state: Path
    held: str
    package: str | None
    file: Path | None
    rows: int
    contract: str | None

    @classmethod
    def find(
        cls, place: DataDirectory, ledger: Ledger, feed: Feed, split: str | None
    ) -> "PartnerState | None":
        """Return what the partner has of a feed and split value; None if nothing."""
        where = (feed.state.model, feed.destination)
        record = ledger.last_file(*where, split)
        states = partner_state.current(ledger, *where)
        own = [
            state.path(place.delivered)
            for state in states
            if state.split == (split or "")
        ]
        if record is None or not own:
            return None
        files = partner_state.files(place.delivered, states)
        held = partner_state.rows(files, feed.replaces_by)
        held = render.rows(
            feed, split, held if feed.replaces_by else partner_state.present(held)
        )
        if record["event"] == "adopted":
            return cls(own[0], held, None, None, record["rows"], None)
        package = Package.from_record(place.outbox, record)
        file = package.folder / record["name"]
        usable = (
            record["feed"] == feed.name
            and feed.delta is None
            and not feed.replaces_by
            and file.is_file()
            and sha256_of(file) == record["sha256"]
        )
        run = package.run if usable else {}
        return cls(
            state=own[0],
            held=held,
            package=record["package"],
            file=file if usable else None,
            rows=record["rows"],
            contract=run.get("contract_sha256"),
        )  # fmt: skip


def write(
    connection: duckdb.DuckDBPyConnection,
    file: Rendered,
    held: PartnerState | None,
    contract: str,
    folder: Path,
) -> tuple[Resource, dict[str, Any]]:
    """Write changes.csv into `folder`; return its description and its summary.

    Args:
        connection: from `runtime.duck`.
        file: the feed's file.
        held: what the partner has; None before the first delivery.
        contract: digest of the contract of the file.
        folder: the package.
    """
    feed = file.declared
    after = file.delta.after if file.delta else render.rows(feed, file.split)
    if held and feed.replaces_by:
        after = partner_state.replaced(held.held, after, feed.replaces_by)
    known = duck.columns_of(connection, after)
    columns = tuple(column for column in feed.columns if column.name in known)
    table = Table(columns, feed.key, feed.sort, feed.dialect)
    before = None
    if held is None:
        nothing = ", ".join(f"null::varchar as c{i}" for i in range(len(columns)))
        row_diff.diff_by_hash(
            connection, table, *2 * (f"select {nothing} where false",)
        )  # fmt: skip
    else:
        before = held.held
        old = (
            (held.file, held.rows) if held.file and held.contract == contract else None
        )
        merged = old is not None and row_diff.diff_by_merge(
            connection, table, old, (file.path, file.rows), folder.parent
        )
        if not merged:
            row_diff.diff_by_hash(
                connection, table,
                table.read(connection, before), table.read(connection, after),
            )  # fmt: skip
    row_diff.pair(connection, table)
    summary = _summary(connection, feed, table, before, after)
    path = folder / NAME
    rows = _write(connection, table, path)
    connection.execute("drop table paired")
    against = {"package": held.package, "state": held.state.stem} if held else None
    resource = Resource(
        f"{feed.exposure}-changes", path, rows, (*_OURS, *_texts(columns)), RFC_4180,
        sha256_of(path),
        description="How the rows that the partner holds become those it will hold.",
    )  # fmt: skip
    return resource, {"first": held is None, "against": against, **summary}


def _texts(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    return tuple(Column(c.name, "varchar", c.description) for c in columns)


def _write(connection: duckdb.DuckDBPyConnection, table: Table, path: Path) -> int:
    """Write `paired`, sorted by key."""
    places = range(len(table.columns))
    changed = row_diff.differ(places)
    names = ", ".join(
        f"case when {test} then {duck.text(column.name)} end"
        for test, column in zip(changed, table.columns, strict=True)
    )
    values = ", ".join(
        f"case when {test} then {duck.text(json.dumps(column.name) + ':')} "
        f"|| coalesce(to_json(b{place})::varchar, 'null') end"
        for place, test, column in zip(places, changed, table.columns, strict=True)
    )
    cells = ", ".join(
        f"case when kind = 'removed' then b{place} else a{place} end "
        f"as {duck.name(column.name)}"
        for place, column in zip(places, table.columns, strict=True)
    )
    source = (
        "(select kind as _change, "
        f"case when kind = 'changed' then array_to_string([{names}], '|') end "
        "as _columns, case when kind = 'changed' then "
        f"'{{' || array_to_string([{values}], ',') || '}}' end as _before, "
        f"{cells} from paired)"
    )
    columns = (*_OURS, *_texts(table.columns))
    sort = (*table.key, "_change")
    return render.table(connection, source, columns, sort, RFC_4180, path, ties=True)


def _summary(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    table: Table,
    before: str | None,
    after: str,
) -> dict[str, Any]:
    def row(query: str) -> tuple[Any, ...]:
        return connection.execute(query).fetchone() or ()

    ignored = feed.changes.get("ignore", ())
    kind = row_diff.kind_without(table, ignored) if ignored else "kind"
    kinds = dict(
        connection.execute(
            f"select {kind} as kind, count(*) from paired group by 1"
        ).fetchall()
    )
    tests = ", ".join(
        f"count(*) filter ({test})"
        for test in row_diff.differ(range(len(table.columns)))
    )
    changed = zip(table.names, row(f"select {tests} from paired"), strict=True)
    rows_after = row(f"select count(*) from {after}")[0]
    rows_before = row(f"select count(*) from {before}")[0] if before else 0
    added = kinds.get("added", 0) if before else rows_after
    summary: dict[str, Any] = {
        "rows_before": rows_before,
        "rows_after": rows_after,
        "added": added,
        "removed": kinds.get("removed", 0),
        "changed": kinds.get("changed", 0),
        "columns": {column: count for column, count in changed if count},
    }
    if ignored:
        rows = kinds.get("ignored", 0)
        summary["ignored"] = {"columns": list(ignored), "rows": rows}
    if before:
        summary["measures"] = {
            measure: _measure(connection, table, measure, before, after)
            for measure in feed.changes.get("measures", ())
        }
        if group := feed.changes.get("group"):
            summary["groups"] = _groups(connection, table, group, kind)
    return summary


def _measure(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    measure: str,
    before: str,
    after: str,
) -> Mapping[str, Any]:
    """Return totals, and the rows whose value moved furthest."""
    place = table.position(measure)
    kind = table.columns[place].type

    def total(source: str) -> Any:
        if measure not in duck.columns_of(connection, source):
            return None  # the held rows have no such column
        return _plain(
            duck.value(connection, f"select sum({duck.name(measure)}) from {source}")
        )

    key = ", ".join(f"a{table.position(column)}" for column in table.key)
    moved = f"a{place}::{kind} - b{place}::{kind}"
    rows = connection.execute(
        f"select {key}, b{place}::{kind}, a{place}::{kind} from paired "
        f"where kind = 'changed' and {moved} <> 0 "
        f"order by abs({moved}) desc, {key}, an limit {MOVES}"
    ).fetchall()
    return {
        "before": total(before),
        "after": total(after),
        "moves": [
            {
                "key": dict(zip(table.key, row, strict=False)),
                "before": _plain(row[-2]),
                "after": _plain(row[-1]),
            }
            for row in rows
        ],
    }


def _groups(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    group: str,
    kind: str,
) -> list[dict[str, Any]]:
    """Count by the value of a column, the new one where a row has two."""
    place = table.position(group)
    rows = connection.execute(
        f"select case when kind = 'removed' then b{place} else a{place} end as value, "
        "count(*) filter (kind = 'added'), count(*) filter (kind = 'removed'), "
        "count(*) filter (kind = 'changed') "
        f"from (select * replace ({kind} as kind) from paired) "
        "where kind <> 'ignored' group by value "
        f"order by count(*) desc, value nulls first limit {GROUPS}"
    ).fetchall()
    fields = ("value", "added", "removed", "changed")
    return [dict(zip(fields, row, strict=True)) for row in rows]


def _plain(number: Any) -> int | float | None:
    """Return a number that JSON can hold."""
    if number is None or isinstance(number, int):
        return number
    return int(number) if number == int(number) else float(number)
