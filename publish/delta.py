"""Files of changes to a snapshot: what differs from the rows that a partner has.

A partner that applies each file in turn has the rows of the snapshot. So a file is
computed when it is made, from the rows of the mart and those of the last deliveries to
this partner, and not by a model: a file that is held or failed changes neither.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
from msgspec import structs

from publish import render, transliteration
from publish.gate.checks import EXAMPLES, Check
from publish.package import row_diff
from publish.package.row_diff import Table
from runtime.duck import columns_of, name, names, text
from store.feeds import Column, Feed, Relation

# Its tables in a session: the rows of the file; the keys of these rows as text, with
# the kind of change.
_ROWS, _KEYS = "delta_rows", "delta_keys"
# The rows of the file as read back, while `feed` has what the partner has with them.
_FILE = "feed_file"


@dataclass(frozen=True, slots=True)
class Delta:
    """A file of changes, as tables of a session.

    Attributes:
        feed: the file: its columns have the operation, its model is the changes.
        snapshot: the declaration, whose model is the snapshot.
        before: what the partner has, a FROM clause item; "" before the first delivery.
    """

    feed: Feed
    snapshot: Feed
    before: str

    @property
    def after(self) -> str:
        """What the partner has with this file, a FROM clause item.

        Rows that differ only in columns of `changes.ignore` are as before.
        """
        if not self.before:
            return self.sent
        before = f"select * from {self.before} as t where not {self._is_in()}"
        return f"({before} union all by name select * from {self.sent})"

    @property
    def sent(self) -> str:
        """The rows of the snapshot that are added or changed, a FROM clause item."""
        mart = render.rows(self.snapshot, None)
        return f"(select * from {mart} as t where {self._is_in('added', 'changed')})"

    def check(self, connection: duckdb.DuckDBPyConnection) -> Check:
        """Check RUN_DELTA: `feed`, as read back, gives the snapshot."""
        return _applied(connection, self)

    @contextmanager
    def applied(self, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
        """Let `feed` be what the partner has with the file, while the block runs.

        Yields:
            The name of the rows of the file.
        """
        declared, key = self.snapshot.delta, names(self.snapshot.key)
        if declared is None:
            raise LookupError(f"{self.snapshot.name} has no field delta")
        columns = self.snapshot.columns
        cells = names(tuple(column.name for column in columns))
        sent = (
            f"select {cells} from {_FILE} "
            f"where {name(declared.column)} <> {text(declared.removed)}"
        )
        if self.before:
            held = _complete(connection, self.snapshot, "partner_rows")
            sent += (
                f" union all select {cells} from {held} anti join {_FILE} using ({key})"
            )
        connection.execute(f"alter view feed rename to {_FILE}")
        connection.execute(f"create view feed as {sent}")
        try:
            yield _FILE
        finally:
            connection.execute("drop view feed")
            connection.execute(f"alter view {_FILE} rename to feed")

    def is_removed(self) -> str:
        """Return SQL: whether the file removes the row of a relation named t."""
        return self._is_in("removed")

    def _is_in(self, *kinds: str) -> str:
        return is_in(self.snapshot, *kinds)


def prepare(
    connection: duckdb.DuckDBPyConnection, feed: Feed, before: str | None
) -> Delta:
    """Compute what a partner has to add, change and remove.

    Rows are compared as they are written, and not by columns of `changes.ignore`.

    Args:
        connection: from `runtime.duck`.
        feed: the declaration, with `delta`.
        before: what the partner has, a FROM clause item; None before the first
            delivery.
    """
    if feed.delta is None:
        raise LookupError(f"{feed.name} has no field delta")
    transliteration.prepare(connection, feed.dialect)
    mart = render.rows(feed, None)
    table = _table(feed)
    keys = ", ".join(f"a{table.position(each)}" for each in feed.key)
    old = ", ".join(f"b{table.position(each)}" for each in feed.key)
    named = ", ".join(f"k{place}" for place in range(len(feed.key)))
    if before:
        row_diff.diff_by_hash(
            connection, table,
            table.read(connection, before), table.read(connection, mart),
        )  # fmt: skip
        row_diff.pair(connection, table)
        query = (
            f"select kind, {keys} from paired where kind <> 'removed' "
            f"union all select kind, {old} from paired where kind = 'removed'"
        )
    else:
        cells = ", ".join(f"c{table.position(each)}" for each in feed.key)
        query = f"select 'added', {cells} from ({table.read(connection, mart)})"
    connection.execute(
        f"create or replace temp table {_KEYS}(kind, {named}) as {query}"
    )
    connection.execute("drop table if exists paired")
    written = structs.replace(
        feed,
        columns=_columns(feed),
        model=Relation(feed.model.model, "", _ROWS),
    )
    columns = (column.name for column in feed.columns)
    declared, needed = feed.delta, dict.fromkeys((*columns, *feed.sort))
    types = {column.name: column.type for column in feed.state_columns}

    def rows(source: str, kinds: tuple[str, ...]) -> str:
        known = columns_of(connection, source)
        cells = ", ".join(
            f"cast({f't.{name(each)}' if each in known else 'null'} as {types[each]}) "
            f"as {name(each)}"
            for each in needed
        )
        words = " ".join(
            f"when {text(kind)} then {text(declared.word(kind))}" for kind in kinds
        )
        return (
            f"select case k.kind {words} end as {name(declared.column)}, {cells} "
            f"from {source} as t join {_KEYS} as k on {_same_key(feed)} "
            f"where k.kind in ({', '.join(map(text, kinds))})"
        )

    parts = [rows(mart, ("added", "changed"))]
    if before:
        parts.append(rows(before, ("removed",)))
    connection.execute(
        f"create or replace temp table {_ROWS} as {' union all '.join(parts)}"
    )
    return Delta(written, feed, before or "")


def _columns(feed: Feed) -> tuple[Column, ...]:
    declared = feed.delta
    if declared is None:
        return feed.columns
    words = ", ".join(declared.word(each) for each in ("added", "changed", "removed"))
    operation = Column(declared.column, "varchar", f"What becomes of the row: {words}.")
    if declared.place == "last":
        return (*feed.columns, operation)
    return (operation, *feed.columns)


def _table(feed: Feed) -> Table:
    """Return what is compared: not the columns of `changes.ignore`."""
    ignored = feed.changes.get("ignore", ())
    columns = tuple(each for each in feed.columns if each.name not in ignored)
    return Table(columns, feed.key, feed.sort, feed.dialect)


def _same_key(feed: Feed) -> str:
    """Return SQL: whether `k` of the keys is the key of a row of a relation `t`."""
    columns, table = {column.name: column for column in feed.columns}, _table(feed)
    return " and ".join(
        f"k.k{place} is not distinct from {table.cell(columns[each])}"
        for place, each in enumerate(feed.key)
    )


def is_in(feed: Feed, *kinds: str) -> str:
    """Return SQL: whether a delta has the key of `t`, with one of some kinds of change.

    Args:
        feed: the declaration.
        kinds: added, changed, removed; none for any.
    """
    chosen = f" and k.kind in ({', '.join(map(text, kinds))})" if kinds else ""
    return f"exists (select 1 from {_KEYS} as k where {_same_key(feed)}{chosen})"


def _applied(connection: duckdb.DuckDBPyConnection, delta: Delta) -> Check:
    """Check RUN_DELTA: the file, applied to what the partner has, gives the snapshot.

    This reads `feed`, the rows of the file as read back, and none of the tables by
    which it was made. An operation must be right too: what is added is new, and what is
    changed or removed was there.
    """
    feed, declared = delta.snapshot, delta.snapshot.delta
    if declared is None:
        raise LookupError(f"{feed.name} has no field delta")
    ignored = feed.changes.get("ignore", ())
    cells = names(tuple(c.name for c in feed.columns if c.name not in ignored))
    key, operation = names(feed.key), name(declared.column)
    added, removed = text(declared.word("added")), text(declared.word("removed"))
    sent = f"select {cells} from feed where {operation} <> {removed}"
    before, known = "", "select null where false"
    if delta.before:
        held = render.typed_sql(feed, _complete(connection, feed, delta.before))
        before = (
            f"select {cells} from ({held}) as held "
            f"anti join feed using ({key}) union all "
        )
        known = f"select {key} from ({held})"
    mart = render.typed_sql(feed, render.rows(feed, None))
    hashes = f"hash({cells}) as one, hash('again', {cells}) as two"
    differing = connection.execute(
        f"select one, two from (select {hashes}, 1 as side from ({mart}) union all "
        f"select {hashes}, -1 from ({before}{sent})) "
        "group by one, two having sum(side) <> 0 limit 1000"
    ).fetchall()
    is_known = f"({key}) in ({known})" if delta.before else "false"
    wrong = connection.execute(
        f"select {operation}, {key} from feed "
        f"where ({operation} = {added}) = ({is_known}) order by all limit 1000"
    ).fetchall()
    good = not differing and not wrong
    return Check(
        "RUN_DELTA", "guards", good,
        "the file, applied to what the partner has, gives the rows of the snapshot"
        if good
        else "the file, applied to what the partner has, does not give the rows of the "
        "snapshot. Do not deliver this file; report it with the package.",
        len(differing) + len(wrong), 0, len(differing) + len(wrong),
        tuple(" ".join(map(str, row)) for row in wrong[:EXAMPLES]), hard=True,
    )  # fmt: skip


def _complete(connection: duckdb.DuckDBPyConnection, feed: Feed, source: str) -> str:
    """Return a FROM clause item: some rows, with every column of the file."""
    known = columns_of(connection, source)
    missing = [c for c in feed.columns if c.name not in known]
    more = "".join(f", cast(null as {c.type}) as {name(c.name)}" for c in missing)
    return f"(select *{more} from {source})"
