"""Compares the decisions of two audits: that of the last delivery, and that of now."""

import csv
from dataclasses import dataclass

import duckdb

from runtime.duck import columns_of, name
from store.dialect import RFC_4180, read_csv
from store.feeds import Feed
from store.package import Package

_DECISION = ("output", "reason_code")
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Moved:
    """Rows of the source that have another decision now.

    Attributes:
        before: output and reason code at the last delivery; None if it had no such row.
        after: the same now; None if the row is gone.
        rows: how many.
        examples: the keys of the first ones, as column and value.
    """

    before: tuple[str, str] | None
    after: tuple[str, str] | None
    rows: int
    examples: tuple[dict[str, str | None], ...]


def moved_reasons(
    connection: duckdb.DuckDBPyConnection, feed: Feed, before: Package
) -> tuple[Moved, ...] | None:
    """Return the decisions that differ, those of the most rows first.

    Rows are paired by `audit_key`. Rows that share a key are paired in the order of
    their decisions.

    Args:
        connection: from `runtime.duck`, with the warehouse of the preview attached.
        feed: a feed with an audit.
        before: the package of the last delivery.

    Returns:
        None if its audit was removed, or lacks a column that is needed.
    """
    path = before.folder / "audit.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            written = next(csv.reader(file))
    except (FileNotFoundError, StopIteration):
        return None
    needed = (*feed.audit_key, *_DECISION)
    relation = feed.audit.sql if feed.audit else ""
    if not {*needed} <= {*written} & {*columns_of(connection, relation)}:
        return None
    keys = [f"k{place}" for place in range(len(feed.audit_key))]
    cells = ", ".join(
        f"cast({name(column)} as varchar) as {alias}"
        for column, alias in zip(needed, (*keys, "output", "reason"), strict=True)
    )
    key = ", ".join(keys) or "null"
    side = (
        "select *, row_number() over (partition by {key} order by output, reason) as n "
        "from (select {cells} from {source})"
    )
    old, new = (
        side.format(key=key, cells=cells, source=source)
        for source in (read_csv(path, written, RFC_4180), relation)
    )
    same = " and ".join(
        f"old.{each} is not distinct from new.{each}" for each in (*keys, "n")
    )
    chosen = ", ".join(f"coalesce(old.{each}, new.{each}) as {each}" for each in keys)
    listed = ", ".join(f"{each} := {each}" for each in keys)
    examples = f"list(struct_pack({listed}) order by {key})[:{EXAMPLES}]"
    rows = connection.execute(f"""
        with old as ({old}), new as ({new}), pairs as (
            select {chosen + "," if keys else ""}
                old.n is not null as was, new.n is not null as is_there,
                old.output as old_output, old.reason as old_reason,
                new.output as new_output, new.reason as new_reason
            from old full join new on {same}
        )
        select was, old_output, old_reason, is_there, new_output, new_reason, count(*),
            {examples if keys else "[]"}
        from pairs
        where was <> is_there or old_output is distinct from new_output
            or old_reason is distinct from new_reason
        group by all
        order by 7 desc, 2, 3, 5, 6
    """).fetchall()
    return tuple(
        Moved(
            (str(row[1] or ""), str(row[2] or "")) if row[0] else None,
            (str(row[4] or ""), str(row[5] or "")) if row[3] else None,
            row[6],
            tuple(
                dict(zip(feed.audit_key, example.values(), strict=True))
                for example in row[7]
            ),
        )
        for row in rows
    )
