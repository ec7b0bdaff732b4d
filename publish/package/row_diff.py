"""Compares the rows that a partner holds with those it will hold.

Rows are compared as the partner reads them: as text in the feed's dialect. Rows that
are equal in every column are removed first, one for one, so that only the rest is
sorted and joined. The rest of one key is paired in order: a key may be shared or
missing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from publish.package import line_diff
from publish.render import as_text
from runtime.duck import columns_of, name, text
from store.dialect import Dialect, read_csv
from store.feeds import Column


@dataclass(frozen=True, slots=True)
class Table:
    """The form of both sides: columns in the order of the file, key, sort, dialect."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    sort: tuple[str, ...]
    dialect: Dialect

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(column.name for column in self.columns)

    def position(self, column: str) -> int:
        """Return the position of a column, from 0."""
        return self.names.index(column)

    def cells(self, prefix: str) -> str:
        """Return the names of the cells of one side, such as a0, a1, a2."""
        return ", ".join(f"{prefix}{place}" for place in range(len(self.columns)))

    def read(self, connection: duckdb.DuckDBPyConnection, source: str) -> str:
        """Return a query for the rows of `source` as text, in columns c0, c1, c2.

        A column that `source` lacks is missing in every row.
        """
        known = columns_of(connection, source)
        cells = ", ".join(
            f"{self.cell(column) if column.name in known else 'null::varchar'} "
            f"as c{place}"
            for place, column in enumerate(self.columns)
        )
        return f"select {cells} from {source} as t"

    def cell(self, column: Column) -> str:
        """Return SQL of the text of a column of a relation t, as a reader has it."""
        cell = as_text(column, f"t.{name(column.name)}", self.dialect)
        if self.dialect.quoting == "all":
            # A reader cannot tell a text that is the null text from a missing value.
            return f"nullif({cell}, {text(self.dialect.null_text)})"
        return cell


def can_merge(table: Table) -> tuple[list[int], list[bool]] | None:
    """Return the positions that a file is sorted by, if its text sorts the same way.

    Returns:
        The key's positions in the order of the sort, and which are whole numbers; None
        if the rows are not sorted by the key, or the text sorts in another way.
    """
    leading = table.sort[: len(table.key)]
    if {*leading} != {*table.key}:
        return None
    types = [table.columns[table.position(column)].type for column in leading]
    if not all(type_ in ("varchar", "text", "string") or _whole(type_)
               for type_ in types):  # fmt: skip
        return None
    return [table.position(column) for column in leading], [_whole(t) for t in types]


def _whole(type_: str) -> bool:
    return type_.endswith("int") or type_ == "integer"


def diff_by_merge(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    old: tuple[Path, int],
    new: tuple[Path, int],
    work: Path,
) -> bool:
    """Make `rest` from two sorted files line by line; return whether that works.

    Args:
        connection: from `runtime.duck`.
        table: the form of both.
        old: the file that the partner has, and its number of rows.
        new: the file to send, and its number of rows.
        work: a folder for the lines that differ.
    """
    chosen, dialect = can_merge(table), table.dialect
    if chosen is None or not dialect.is_plain:
        return False
    form = line_diff.Form(dialect.delimiter, dialect.quote, dialect.escape)
    only_old, only_new = work / "only_old.part", work / "only_new.part"
    try:
        lines = line_diff.subtract(
            old[0], new[0], only_old, only_new, dialect.header, form.key(*chosen)
        )
        if (lines.old, lines.new) != (old[1], new[1]):
            return False  # a record of several lines
        columns = [f"c{place}" for place in range(len(table.columns))]
        sides = [
            f"select * from {read_csv(path, columns, dialect)}"
            for path in (only_old, only_new)
        ]
        diff_by_hash(connection, table, sides[0], sides[1])
    except ValueError:
        return False
    finally:
        only_old.unlink(missing_ok=True)
        only_new.unlink(missing_ok=True)
    return True


def diff_by_hash(
    connection: duckdb.DuckDBPyConnection, table: Table, old: str, new: str
) -> None:
    """Make `rest`: the rows of each query that the other lacks, as multisets.

    Two 64-bit hashes stand for a row, which saves memory.
    """
    cells = table.cells("c")
    hashed = f"*, hash({cells}) as one, hash('again', {cells}) as two"
    connection.execute(
        "create or replace temp table net as select one, two, sum(side) as net from "
        f"(select one, two, 1 as side from (select {hashed} from ({new})) union all "
        f"select one, two, -1 from (select {hashed} from ({old}))) "
        "group by one, two having sum(side) <> 0"
    )
    sides = " union all ".join(
        f"select {side} as side, h.*, abs(net) as copies from "
        f"(select {hashed} from ({rows})) as h "
        f"join net using (one, two) where net * {side} > 0"
        for side, rows in ((1, new), (-1, old))
    )
    # Keep only the copies of a row that one side has more than the other.
    connection.execute(
        f"create or replace temp table rest as select side, {cells} from ({sides}) "
        "qualify row_number() over (partition by one, two) <= copies"
    )
    connection.execute("drop table net")


def pair(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Make `paired` of `rest`: b0, b1 the old row, a0, a1 the new; one may be absent.

    `kind` is added, removed or changed.
    """
    key = [f"c{table.position(column)}" for column in table.key]
    cells = table.cells("c")

    def side(sign: int, prefix: str) -> str:
        renamed = ", ".join(
            f"c{place} as {prefix}{place}" for place in range(len(table.columns))
        )
        return (
            f"select {renamed}, row_number() over (partition by {', '.join(key)} "
            f"order by {cells}) as {prefix}n from rest where side = {sign}"
        )

    same = " and ".join(
        f"a{column[1:]} is not distinct from b{column[1:]}" for column in key
    )
    connection.execute(
        "create or replace temp table paired as select *, case when bn is null then "
        "'added' when an is null then 'removed' else 'changed' end as kind "
        f"from ({side(1, 'a')}) full join ({side(-1, 'b')}) on an = bn and {same}"
    )
    connection.execute("drop table rest")


def kind_without(table: Table, ignored: Collection[str]) -> str:
    """Return SQL of the kind of a row: ignored if it differs in these columns only."""
    some = " or ".join(
        f"a{place} is distinct from b{place}"
        for place, column in enumerate(table.names)
        if column not in ignored
    )
    return f"case when kind = 'changed' and not ({some}) then 'ignored' else kind end"


def differ(places: Sequence[int]) -> list[str]:
    """Return SQL for each position: whether a changed row differs there."""
    return [f"kind = 'changed' and a{place} is distinct from b{place}"
            for place in places]  # fmt: skip
