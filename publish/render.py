"""Writes a table as a file: columns of the contract, sorted, in the declared dialect.

DuckDB's COPY has one date format for a file and never quotes its null text, so every
column becomes text first. Tests hold the exact bytes.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from publish import transliteration
from runtime import files
from runtime.duck import name, text
from store import records
from store.cells import cells
from store.dialect import Dialect, Position, lacking
from store.feeds import Column, Feed, positions
from store.records import RunValues

_NUMERIC = re.compile("decimal|(tiny|small|big|huge)?int(eger)?$")
_TEXTS = ("varchar", "text", "string")
_LINES = 20_000  # of a batch in memory


def rows(feed: Feed, split: str | None, relation: str | None = None) -> str:
    """Return a FROM clause item: the rows of the mart, or of another relation.

    Args:
        feed: the file.
        split: only the rows with this value of `split_by`; None for all rows.
        relation: another relation with the split column; default the mart.
    """
    relation = relation or feed.model.sql
    if feed.split_by is None or split is None:
        return relation
    chosen = f"cast({name(feed.split_by)} as varchar) = {text(split)}"
    return f"(select * from {relation} where {chosen})"


def feed_file(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    split: str | None,
    path: Path,
    values: RunValues | None = None,
) -> int:
    """Write one file of a feed, whole or not at all; return its number of rows.

    Args:
        connection: from `runtime.duck`.
        feed: its declaration.
        split: only the rows with this value of `split_by`; None for all rows.
        path: the file.
        values: what its header and trailer records have of the run.
    """
    source = rows(feed, split)
    around = records_of(connection, feed, source, values).lines
    return table(
        connection, source, feed.columns, feed.sort, feed.dialect, path, around=around
    )


@dataclass(frozen=True, slots=True)
class WrittenRecords:
    """Header and trailer records as they are written.

    Attributes:
        lines: those of the header, those of the trailer.
        too_long: each record with a value that is longer than its width, and the value.
    """

    lines: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    too_long: tuple[tuple[str, str], ...] = ()


def records_of(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    source: str,
    values: RunValues | None,
) -> WrittenRecords:
    """Return the records of a file with the rows of `source`.

    Args:
        connection: from `runtime.duck`.
        feed: its declaration.
        source: a FROM clause item with the columns of the file.
        values: what the records have of the run.
    """
    dialect = feed.dialect
    if not dialect.records or values is None:
        return WrittenRecords()
    added = {column.name: column for column in feed.columns}
    names = records.sums(dialect.records)
    totals = "".join(f", {_total(added[each], dialect)}" for each in names)
    row = connection.execute(f"select count(*){totals} from {source}").fetchall()[0]
    texts = {
        "rows": str(row[0]),
        "lines": str(row[0] + len(dialect.records) + dialect.has_header),
        "file": values.file,
        "split": values.split or "",
        "sequence": str(values.number or ""),
        "environment": values.environment,
        **{f"sum({each})": total for each, total in zip(names, row[1:], strict=True)},
    }
    filled = [records.fill(each, texts, values.at) for each in dialect.records]
    first = len(dialect.header_records)
    lines = tuple(line for line, _ in filled)
    return WrittenRecords(
        (lines[:first], lines[first:]),
        tuple((line, value) for line, long in filled for value in long),
    )


def _total(column: Column, dialect: Dialect) -> str:
    """Return SQL of the text of a sum, 0 without rows."""
    scale = column.scale or 0
    total = f"coalesce(sum({name(column.name)}), cast(0 as decimal(38, {scale})))"
    return column.format.number(total, scale, dialect)


def table(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    columns: tuple[Column, ...],
    sort: tuple[str, ...],
    dialect: Dialect,
    path: Path,
    ties: bool = False,
    around: tuple[Sequence[str], Sequence[str]] = ((), ()),
) -> int:
    """Write `source` to `path` as delimited text and return the number of rows.

    Args:
        connection: from `runtime.duck`.
        source: a FROM clause item.
        columns: what to write, in order.
        sort: a total order of the rows, else two runs may differ.
        dialect: the form of the text.
        path: the file; it appears whole or not at all.
        ties: rows may be equal in `sort`; then a hash of the whole row decides, which
            takes a third of the memory of a sort by every column.
        around: lines before and after the table.
    """
    needed = ", ".join(map(name, dict.fromkeys((*(c.name for c in columns), *sort))))
    order = ", ".join(f"t.{name(column)} nulls first" for column in sort)
    if ties:
        order = ", ".join(filter(None, (order, "hash(t)")))
    chosen = f"(select {needed} from {source})"
    if dialect.quoting != "all" or not dialect.is_plain:
        transliteration.prepare(connection, dialect)
        with files.atomic_write(path) as part:
            return _write_lines(
                connection, chosen, columns, order, dialect, part, around
            )
    fields = ", ".join(
        f"{written(column, dialect)} as {name(column.header)}" for column in columns
    )
    # Sorted before it becomes text, which is wider. A projection keeps the order of
    # rows (duckdb.org/docs/stable/sql/dialect/order_preservation).
    query = (
        f"select {fields} from (select t.* from {chosen} as t order by {order}) as t"
    )
    with files.atomic_write(path) as part:
        row = connection.execute(
            f"copy ({query}) to {text(str(part))} ({options(dialect)})"
        ).fetchone()
    return int(row[0]) if row else 0


def _write_lines(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    columns: tuple[Column, ...],
    order: str,
    dialect: Dialect,
    path: Path,
    around: tuple[Sequence[str], Sequence[str]],
) -> int:
    """Write `source` line by line and return the number of rows.

    A line is one value to sort and to write. COPY handles every field of a row, and
    quotes a header only together with all values.
    """
    end = " || ".join(f"chr({ord(mark)})" for mark in dialect.line_end)
    lines = connection.execute(
        f"select {_line(columns, dialect)} || {end} as line "
        f"from {source} as t order by {order}"
    ).to_arrow_reader(_LINES)
    header = dialect.delimiter.join(
        _header(column.header, dialect) for column in columns
    )
    rows = 0
    before = [*around[0], *([header] if dialect.has_header else [])]
    with path.open("wb") as file:
        if dialect.byte_order_mark:
            file.write("\ufeff".encode(dialect.encoding))
        file.write(_lines(before, dialect))
        for batch in lines:
            column = batch.column(0).cast(pa.large_string())
            _, offsets, content = column.buffers()
            ends = np.frombuffer(offsets, np.int64, len(column) + 1, 8 * column.offset)
            utf8 = memoryview(content)[ends[0] : ends[-1]]
            if dialect.encoding == "utf-8":
                file.write(utf8)
            else:
                file.write(str(utf8, "utf-8").encode(dialect.encoding))
            rows += len(column)
        file.write(_lines(around[1], dialect))
    return rows


def _lines(lines: Sequence[str], dialect: Dialect) -> bytes:
    return "".join(line + dialect.line_end for line in lines).encode(dialect.encoding)


def _line(columns: tuple[Column, ...], dialect: Dialect) -> str:
    """Return SQL of the text of a row."""
    if dialect.format == "jsonl":
        return _object(columns, dialect)
    if dialect.format == "delimited":
        fields = ", ".join(_field(column, dialect) for column in columns)
        return f"concat_ws({text(dialect.delimiter)}, {fields})"
    parts, end = [], 1
    for column, place in zip(columns, positions(columns), strict=True):
        if place.start > end:
            parts.append(text(" " * (place.start - end)))
        cell = as_text(column, f"t.{name(column.name)}", dialect)
        parts.append(_padded(f"coalesce({cell}, '')", column, place))
        end = place.start + place.width
    return " || ".join(parts)


def _object(columns: tuple[Column, ...], dialect: Dialect) -> str:
    """Return SQL of a JSON object; numbers and truth values are not in quotes."""
    parts = []
    for column in columns:
        cell = as_text(column, f"t.{name(column.name)}", dialect)
        if column.scale is None and column.type != "boolean":
            cell = f"cast(to_json({cell}) as varchar)"
        key = json.dumps(column.header, ensure_ascii=False)
        parts.append(f"{text(key + ':')} || coalesce({cell}, 'null')")
    return "'{' || " + " || ',' || ".join(parts) + " || '}'"


def _padded(cell: str, column: Column, place: Position) -> str:
    """Return SQL of a text with its width. What is longer is cut: RUN_WIDTH holds it.

    A missing value is blanks.
    """
    if place.align == "left":
        return f"rpad({cell}, {place.width}, ' ')"
    if column.format.pad == " ":
        return f"lpad({cell}, {place.width}, ' ')"
    zeros = f"lpad({cell}, {place.width}, '0')"
    if not is_text(column):
        digits = f"lpad(substring({cell}, 2), {place.width - 1}, '0')"
        zeros = (
            f"case when starts_with({cell}, '-') then '-' || {digits} else {zeros} end"
        )
    return f"case when {cell} = '' then repeat(' ', {place.width}) else {zeros} end"


def _header(value: str, dialect: Dialect) -> str:
    """Return a name of the header, in quotes if it needs them, or may have them."""
    if dialect.quoting == "minimal" and re.fullmatch(r"\w+", value):
        return value
    for mark in dict.fromkeys((dialect.escape, dialect.quote)):
        value = value.replace(mark, dialect.escape + mark)
    return f"{dialect.quote}{value}{dialect.quote}"


def _field(column: Column, dialect: Dialect) -> str:
    """Return the SQL of a field that is quoted only where it must be.

    Some readers need more quotes than RFC 4180 does: around the null text, around # (a
    comment), and, if the dialect is portable, around a blank at an end, which they cut.
    """
    cell, null = written(column, dialect), text(dialect.null_text)
    if dialect.quoting == "all":
        return _quoted(cell, dialect)
    plain = dialect.delimiter in ",;|\t" and null == "''"
    plain = plain and dialect.delimiter not in column.format.marks(dialect)
    if plain and _NUMERIC.match(column.type):
        return f"coalesce({cell}, '')"
    quote = text(dialect.quote)
    marks = " or ".join(
        f"contains({cell}, {mark})"
        for mark in (text(dialect.delimiter), quote, "'#'", "chr(10)", "chr(13)")
    )
    if dialect.quoting == "portable":
        marks += f" or starts_with({cell}, ' ') or ends_with({cell}, ' ')"
    return (
        f"case when {cell} is null then {null} "
        f"when {cell} in ('', {null}) or {marks} "
        f"then {_quoted(cell, dialect)} "
        f"else {cell} end"
    )


def _quoted(cell: str, dialect: Dialect) -> str:
    """Return SQL of a text in quotes; quote and escape are escaped in it."""
    quote = text(dialect.quote)
    for mark in dict.fromkeys((dialect.escape, dialect.quote)):
        cell = f"replace({cell}, {text(mark)}, {text(dialect.escape + mark)})"
    return f"{quote} || {cell} || {quote}"


def written(column: Column, dialect: Dialect) -> str:
    """Return the SQL of a column's text in the file, from a relation named t."""
    cell = as_text(column, f"t.{name(column.name)}", dialect)
    if dialect.quoting == "all":
        # COPY never quotes its NULLSTR, so a quoted null text must be a value.
        return f"coalesce({cell}, {text(dialect.null_text)})"
    return cell


def as_text(column: Column, cell: str, dialect: Dialect) -> str:
    """Return the SQL that makes `cell` text; a missing value stays missing.

    In a file of fixed widths a text has no blanks on the side that is filled, one
    without anything else is missing, and zeros that fill it are part of it.
    """
    value = unpadded(column, cell, dialect)
    if dialect.format != "fixed" or not is_text(column):
        return value
    (place,) = positions((column,))
    trimmed = {"left": "rtrim", "right": "ltrim"}[place.align]
    value = f"nullif({trimmed}({value}, ' '), '')"
    return _padded(value, column, place) if column.format.pad == "0" else value


def unpadded(column: Column, cell: str, dialect: Dialect) -> str:
    """Return the SQL that makes `cell` text, before it gets a width."""
    format_ = column.format
    if column.type.startswith("timestamp"):
        zoned = column.type != "timestamp"
        moment = f"timezone('UTC', {cell})" if zoned else cell
        return f"strftime({moment}, {text(_time_format(column, dialect))})"
    if column.type == "date":
        return f"strftime({cell}, {text(_time_format(column, dialect))})"
    if column.type in _TEXTS:
        return _encodable(_line_breaks(cell, dialect), dialect)
    if format_.words:
        true, false = map(text, format_.words)
        return f"case when {cell} then {true} when not {cell} then {false} end"
    if column.scale is not None:
        return format_.number(cell, column.scale, dialect)
    return f"cast({cell} as varchar)"


def _time_format(column: Column, dialect: Dialect) -> str:
    is_date = column.type == "date"
    usual = dialect.date_format if is_date else dialect.timestamp_format
    return column.format.format or usual


def is_text(column: Column) -> bool:
    """Whether a column has text, in which any character may be."""
    return column.type in _TEXTS


def _encodable(cell: str, dialect: Dialect) -> str:
    """Return SQL of a text without the characters that the encoding lacks."""
    lacks = lacking(dialect.encoding)
    if lacks is None:
        return cell
    if dialect.unencodable == "transliterate":
        changed = transliteration.sql(cell, dialect.encoding)
        return (
            f"case when regexp_matches({cell}, {text(lacks)}) then {changed} "
            f"else {cell} end"
        )
    return f"regexp_replace({cell}, {text(lacks)}, '?', 'g')"


def _line_breaks(cell: str, dialect: Dialect) -> str:
    """Return SQL of a text with its line breaks as they are written."""
    if dialect.line_breaks == "keep":
        return cell
    broken = f"contains({cell}, chr(13))"
    to = "chr(10)"
    if dialect.line_breaks == "blank":
        broken, to = f"({broken} or contains({cell}, chr(10)))", "' '"
    # Few texts have one, and looking for it is cheaper than to replace it.
    return (
        f"case when {broken} then regexp_replace({cell}, '\\r\\n?|\\n', {to}, 'g') "
        f"else {cell} end"
    )


def options(dialect: Dialect) -> str:
    """Return the options of COPY TO for a dialect that quotes everything."""
    chosen = {
        "format": "csv",
        "header": str(dialect.header).lower(),
        "delimiter": text(dialect.delimiter),
        "quote": text(dialect.quote),
        "escape": text(dialect.escape),
        # COPY takes the two characters \n, not the line feed itself.
        "new_line": text(dialect.line_end.replace("\r", "\\r").replace("\n", "\\n")),
        "force_quote": "*",
    }
    return ", ".join(f"{option} {value}" for option, value in chosen.items())


def load_back(connection: duckdb.DuckDBPyConnection, feed: Feed, path: Path) -> None:
    """Read the file into `feed_text`, all text, and cast it into `feed`."""
    columns = [column.name for column in feed.columns]
    places = positions(feed.columns) if feed.dialect.format == "fixed" else ()
    with cells(path, columns, feed.dialect, path.parent.parent, places) as source:
        connection.execute(
            f"create or replace table feed_text as select * from {source}"
        )
    typed = ", ".join(
        f"{_typed(column, name(column.name), feed.dialect)} as {name(column.name)}"
        for column in feed.columns
    )
    connection.execute(f"create or replace view feed as select {typed} from feed_text")


def is_loaded(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the file was read back: whether `feed` exists."""
    return bool(
        connection.execute(
            "select 1 from duckdb_views() where view_name = 'feed' "
            "and database_name = current_database()"
        ).fetchone()
    )


def typed_sql(feed: Feed, source: str) -> str:
    """Return SQL of the mart's rows without what the dialect drops.

    A time loses its seconds, and line breaks become what the dialect declares. If every
    field is quoted, a text that is the null text becomes a missing value: no reader of
    the file can tell them apart. The audit names such texts.
    """
    read = ", ".join(
        f"{_as_read(column, feed.dialect)} as {name(column.name)}"
        for column in feed.columns
    )
    return f"select {read} from {source} as t"


def _as_read(column: Column, dialect: Dialect) -> str:
    cell = f"t.{name(column.name)}"
    if column.type == "date" or column.type.startswith("timestamp"):
        return _typed(column, as_text(column, cell, dialect), dialect)
    if column.type in _TEXTS:
        cell = as_text(column, cell, dialect)
        if dialect.quoting == "all":
            return f"nullif({cell}, {text(dialect.null_text)})"
    return cell


def _typed(column: Column, cell: str, dialect: Dialect) -> str:
    moment = f"strptime({cell}, {text(_time_format(column, dialect))})"
    if column.type.startswith("timestamp"):
        return moment if column.type == "timestamp" else f"timezone('UTC', {moment})"
    if column.type == "date":
        return f"cast({moment} as date)"
    if column.format.words:
        true, false = map(text, column.format.words)
        cell = (
            f"case {cell} when {true} then 'true' when {false} then 'false' "
            f"else {cell} end"
        )
    elif column.scale is not None:
        cell = column.format.unformatted(cell, column.scale, dialect)
        if (column.format.places or 0) > column.scale:
            # A cast rounds digits that the type does not have.
            exact = f"cast({cell} as decimal(38, {column.format.places}))"
            typed = f"cast({exact} as {column.type})"
            more = "cast(error('a number has more places than its type') as integer)"
            return f"case when {exact} <> {typed} then {more} else {typed} end"
    return f"cast({cell} as {column.type})"
