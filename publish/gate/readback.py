"""Reads the rendered file back by its own dialect and compares it with the mart."""

import csv
import io
from itertools import zip_longest
from pathlib import Path

import duckdb

from publish.gate.checks import EXAMPLES, Check
from publish.render import is_text, load_back, records_of, rows, typed_sql, unpadded
from runtime.duck import name, names, text, value
from store.cells import json_object
from store.dialect import Dialect, lacking
from store.feeds import Feed, positions
from store.records import RunValues

_TAIL = 1 << 16  # bytes at the end of a file, which have its trailer records
_ADVICE = "Do not deliver this file; report it with the package."


def header(feed: Feed, path: Path) -> Check:
    """Check RUN_HEADER: the first line names the contract's columns, in order.

    A byte order mark is before it exactly where the dialect declares one.
    """
    dialect = feed.dialect
    if dialect.format == "fixed":
        return _line_length(feed, path)
    if dialect.format == "jsonl":
        return _keys(feed, path)
    mark = "\ufeff".encode(dialect.encoding) if dialect.byte_order_mark else b""
    expected = [column.header for column in feed.columns]
    with path.open("rb") as file:
        is_marked = file.read(len(mark)) == mark
    # The check after this one reports bytes that are not in the encoding.
    with path.open(encoding=dialect.codec, errors="replace", newline="") as lines:
        for _ in dialect.header_records:
            lines.readline()
        names_read = next(csv.reader(lines, **dialect.for_csv), []) if is_marked else []
    if is_marked and not dialect.header:
        # Without a header only the number of fields can be compared.
        good = not names_read or len(names_read) == len(expected)
        wrong = [] if good else names_read
    else:
        good = names_read == expected
        wrong = [
            f"{place}: expected {left}, found {right}"
            for place, (left, right) in enumerate(
                zip_longest(expected, names_read, fillvalue="(none)"), 1
            )
            if left != right
        ]
    return Check(
        "RUN_HEADER", "guards", good,
        f"the file has the {len(expected)} columns of the contract, in order"
        if good
        else f"the file's columns are not the contract's. {_ADVICE}",
        len(names_read), len(expected), len(wrong), tuple(wrong[:EXAMPLES]), hard=True,
    )  # fmt: skip


def _line_length(feed: Feed, path: Path) -> Check:
    """Check RUN_HEADER of a file of fixed widths: the first row has their sum."""
    dialect, last = feed.dialect, positions(feed.columns)[-1]
    mark = "\ufeff".encode(dialect.encoding) if dialect.byte_order_mark else b""
    with path.open("rb") as file:
        is_marked = file.read(len(mark)) == mark
    with path.open(encoding=dialect.codec, errors="replace", newline="\n") as lines:
        line = ""
        for _ in range(len(dialect.header_records) + 1):
            line = lines.readline() if is_marked else ""
    length = len(line.removesuffix(dialect.line_end))
    expected = last.start + last.width - 1
    good = is_marked and (
        length == expected or not line or bool(dialect.trailer_records)
    )
    return Check(
        "RUN_HEADER", "guards", good,
        f"the columns have {expected} characters together"
        if good
        else f"the first row has not the widths of the contract. {_ADVICE}",
        length, expected, int(not good), hard=True,
    )  # fmt: skip


def _keys(feed: Feed, path: Path) -> Check:
    """Check RUN_HEADER of JSON lines: the first object has the contract's columns."""
    expected = [column.header for column in feed.columns]
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        line = lines.readline()
    try:
        keys = [key for key, _ in json_object(line, 1)] if line else expected
    except ValueError:
        keys = []
    good = keys == expected
    return Check(
        "RUN_HEADER", "guards", good,
        f"an object has the {len(expected)} columns of the contract, in order"
        if good
        else f"the keys of the first object are not the contract's. {_ADVICE}",
        len(keys), len(expected), int(not good), hard=True,
    )  # fmt: skip


def encodable(
    connection: duckdb.DuckDBPyConnection, feed: Feed, split: str | None
) -> list[Check]:
    """Check RUN_ENCODING: the encoding has every character of the mart's texts.

    There is no check for an encoding that has all characters.
    """
    dialect, texts = feed.dialect, [c for c in feed.columns if is_text(c)]
    lacks = lacking(dialect.encoding)
    if lacks is None or not texts:
        return []
    source = rows(feed, split)
    key = ", ".join(f"cast({name(c)} as varchar)" for c in feed.key)
    cells = ", ".join(f"({text(c.name)}, {name(c.name)})" for c in texts)
    extracted = f"regexp_extract_all(cell, {text(lacks)})"
    order = ", ".join(f"{name(column)} nulls first" for column in feed.sort)
    query = (
        f"select {key}, c.name, {extracted} as lacking, count(*) over () as number, "
        "sum(len(lacking)) over () as characters "
        f"from {source} as t, lateral (values {cells}) as c(name, cell) "
        f"where regexp_matches(cell, {text(lacks)}) order by {order} limit {EXAMPLES}"
    )
    wrong = connection.execute(query).fetchall()
    number, characters = wrong[0][-2:] if wrong else (0, 0)
    examples = tuple(
        {
            **dict(zip(feed.key, row, strict=False)),
            "column": row[-4],
            "characters": " ".join(
                f"{each} (U+{ord(each):04X})" for each in dict.fromkeys(row[-3])
            ),
        }
        for row in wrong
    )
    lack = f"{number:,} values have {characters:,} characters that {dialect.encoding} "
    done = {
        "refuse": "lacks. Correct them at the source or in the model, or declare "
        "dialect.unencodable: replace or transliterate",
        "replace": "lacks; each is written as ?",
        "transliterate": "lacks; like letters are written in their place",
    }
    return [
        Check(
            "RUN_ENCODING", "guards", not wrong or dialect.unencodable != "refuse",
            lack + done[dialect.unencodable]
            if wrong
            else f"{dialect.encoding} has every character of the texts",
            int(characters), 0 if dialect.unencodable == "refuse" else None,
            number, examples, hard=True,
        )
    ]  # fmt: skip


def widths(
    connection: duckdb.DuckDBPyConnection, feed: Feed, split: str | None
) -> list[Check]:
    """Check RUN_WIDTH: every value has room in its column.

    There is no check for a file without fixed widths.
    """
    if feed.dialect.format != "fixed":
        return []
    key = ", ".join(f"cast(t.{name(c)} as varchar)" for c in feed.key)
    cells = ", ".join(
        f"({text(c.name)}, {unpadded(c, f't.{name(c.name)}', feed.dialect)}, "
        f"{c.format.width})"
        for c in feed.columns
    )
    order = ", ".join(f"t.{name(column)} nulls first" for column in feed.sort)
    wrong = connection.execute(
        f"select {key}, c.name, c.width, cell, count(*) over () as number "
        f"from {rows(feed, split)} as t, lateral (values {cells}) "
        "as c(name, cell, width) "
        f"where length(cell) > c.width order by {order} limit {EXAMPLES}"
    ).fetchall()
    examples = tuple(
        {
            **dict(zip(feed.key, row, strict=False)),
            "column": row[-4],
            "width": row[-3],
            "value": row[-2][:80],
        }
        for row in wrong
    )
    number = wrong[0][-1] if wrong else 0
    return [
        Check(
            "RUN_WIDTH", "guards", not wrong,
            "every value has room in its column"
            if not wrong
            else f"{number:,} values are longer than the width of their column. No "
            "further check ran. Shorten them in the model, or declare a greater width",
            number, 0, number, examples, hard=True,
        )
    ]  # fmt: skip


def same_rows(
    connection: duckdb.DuckDBPyConnection, feed: Feed, split: str | None, path: Path
) -> Check:
    """Check RUN_READBACK: the file holds the mart's rows, as a multiset.

    Leaves `feed_text` and `feed`, or neither if the file cannot be read.
    """
    mart, file = typed_sql(feed, rows(feed, split)), "select * from feed"
    try:
        load_back(connection, feed, path)
        differing: list[tuple[object, ...]] = []
        if not _same(connection, feed, mart, file):
            differing = _differences(connection, mart, file)
    except (duckdb.Error, ValueError) as error:
        connection.execute("drop view if exists feed")
        return Check(
            "RUN_READBACK", "guards", False,
            "the file cannot be read back through its own dialect: "
            f"{str(error).splitlines()[0]} No further check ran. {_ADVICE}",
            count=1, hard=True,
        )  # fmt: skip
    number = value(connection, "select count(*) from feed")
    good = not differing
    return Check(
        "RUN_READBACK", "guards", good,
        f"all {number:,} rows of the file, read back, are the rows of the mart"
        if good
        else f"the file, read back, and {feed.model.model} differ; a text may look "
        f"like the dialect's null text, or the file was changed. {_ADVICE}",
        len(differing), 0, len(differing),
        tuple(str(row) for row in differing[:EXAMPLES]), hard=True,
    )  # fmt: skip


def records(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    path: Path,
    values: RunValues | None,
) -> list[Check]:
    """Check RUN_RECORDS: counts and sums of the records are those of the rows.

    They are computed anew from `feed`, the rows as read back. There is no check for a
    file without records.
    """
    dialect = feed.dialect
    if not dialect.records:
        return []
    written = records_of(connection, feed, "feed", values)
    expected = written.lines[0] + written.lines[1]
    before, after = _first_and_last(path, dialect)
    names = [f"header record {n}" for n in range(1, 1 + len(before))]
    names += [f"trailer record {n}" for n in range(1, 1 + len(after))]
    wrong = [
        f"{place}: expected {meant}, found {line}"
        for place, meant, line in zip(names, expected, before + after, strict=True)
        if meant != line
    ]
    wrong += [
        f"{value} is longer than its width in {line}"
        for line, value in written.too_long
    ]
    return [
        Check(
            "RUN_RECORDS", "guards", not wrong,
            "dates, counts and sums of the header and trailer records are those of the "
            "rows"
            if not wrong
            else "a header or trailer record is not as declared. Give a wider field if "
            f"a value is too long. {_ADVICE}",
            len(expected) - len(wrong), len(expected), len(wrong),
            tuple(wrong[:EXAMPLES]), hard=True,
        )
    ]  # fmt: skip


def _first_and_last(path: Path, dialect: Dialect) -> tuple[list[str], list[str]]:
    """Return the lines of a file that the header and trailer records should be."""
    numbers = len(dialect.header_records), len(dialect.trailer_records)
    with path.open(encoding=dialect.codec, errors="replace", newline="") as lines:
        before = [lines.readline() for _ in range(numbers[0])]
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - _TAIL - size % 2))
        end = file.read().decode(dialect.encoding, errors="replace")
    after = end.split(dialect.line_end)
    ends = after.pop() == ""  # the last line has its end too
    after = after[len(after) - numbers[1] :] if numbers[1] else []
    after += [""] * (numbers[1] - len(after))
    if after and not ends:
        after[-1] += " (without a line end)"
    return [line.removesuffix(dialect.line_end) for line in before], after


def _same(
    connection: duckdb.DuckDBPyConnection, feed: Feed, one: str, other: str
) -> bool:
    """Compare two queries as multisets, by two 64-bit hashes of every row.

    This is ten times as fast as EXCEPT ALL both ways, and needs little memory.
    """
    cells = names(tuple(column.name for column in feed.columns))
    hashes = f"hash({cells}) as one, hash('again', {cells}) as two"
    return not connection.execute(
        f"select one, two from (select {hashes}, 1 as side from ({one}) "
        f"union all select {hashes}, -1 from ({other})) "
        "group by one, two having sum(side) <> 0 limit 1"
    ).fetchall()


def _differences(
    connection: duckdb.DuckDBPyConnection, mart: str, file: str
) -> list[tuple[object, ...]]:
    """Return up to 1,000 rows of each side that the other one lacks."""
    return [
        (side, *row)
        for side, left, right in (
            ("only in the mart", mart, file),
            ("only in the file", file, mart),
        )
        for row in connection.execute(
            f"select * from ({left} except all {right}) limit 1000"
        ).fetchall()
    ]
