"""Reads a file that another system made: its columns by name, its rows with lines.

The form of the file is as the options declare it, or that of the exposure, or another
usual one by which its first line has the columns of the key.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb

from runtime import duck
from runtime.exits import Refused
from store.dialect import RFC_4180, Dialect, read_csv
from store.feeds import Column, Feed

_SAMPLE = 1 << 16
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_OURS = ("_line", "_fields")


@dataclass(frozen=True, slots=True)
class Form:
    """How the file is written; None is what the file itself shows."""

    delimiter: str | None = None
    quote: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read; the rows are in the table `given` of the connection.

    Attributes:
        columns: of the state model, in the order of `given`, those of the file.
        missing: columns of the feed's file that it lacks.
        unknown: its columns that the feed does not have.
        form: delimiter, quote, escape and encoding.
    """

    columns: tuple[Column, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    form: dict[str, str]


def required(feed: Feed) -> tuple[str, ...]:
    """Return the columns that no row may lack."""
    stays = feed.guards.get("keys_stay", {}).get("columns", ())
    return feed.primary_key or tuple(stays) or feed.key


def load(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    path: Path,
    shown: Path,
    form: Form,
    work: Path,
) -> Contents:
    """Read a file into `given`: its known columns as text, with `_line` and `_fields`.

    `_line` is the line on which a row begins, from 1. `_fields` is its number of
    fields if that differs from the header's. An empty field is a missing value, quoted
    or not, and so is the exposure's null text.

    Args:
        connection: from `runtime.duck`.
        feed: whose file it is.
        path: the file; its first line has the names of its columns.
        shown: its path in messages.
        form: what is declared of it.
        work: a folder.

    Raises:
        Refused: it has no header, lacks a column of the key, is not in the encoding,
            or is no CSV file.
    """
    if feed.dialect.format != "delimited" and form.delimiter is None:
        raise Refused(
            f"{shown}: expected a delimited file, as `publish adopt` reads no other. "
            f"The dialect of {feed.name} has the format {feed.dialect.format}. Convert "
            "it, and name its form by --delimiter. Nothing was adopted."
        )
    encoding = form.encoding or _encoding(path, feed)
    try:
        with path.open(encoding=encoding, newline="") as lines:
            sample = lines.read(_SAMPLE)
        parameters = _parameters(feed, form, sample)
        return _copy(connection, feed, path, shown, encoding, parameters, work)
    except (UnicodeError, LookupError) as error:
        raise Refused(
            f"{shown}: expected text in {encoding}, found: {error}. Name its encoding "
            "by --encoding, such as cp1252. Nothing was adopted."
        ) from None
    except csv.Error as error:
        raise Refused(
            f"{shown} cannot be read as CSV: {error}. Name its form by --delimiter and "
            "--quote. Nothing was adopted."
        ) from None


def _encoding(path: Path, feed: Feed) -> str:
    with path.open("rb") as handle:
        start = handle.read(3)
    return next((name for mark, name in _MARKS.items() if start.startswith(mark)),
                feed.dialect.encoding)  # fmt: skip


def _parameters(feed: Feed, form: Form, sample: str) -> dict[str, Any]:
    """Return the arguments of `csv.reader`.

    Without a declared form it is that of the exposure, else the first usual one by
    which the first line has the columns of the key.
    """
    own = feed.dialect.for_csv

    def usual(delimiter: str, quote: str) -> dict[str, Any]:
        doubled = {"doublequote": True, "escapechar": None}
        return {"delimiter": delimiter, "quotechar": quote, **doubled}

    if form.delimiter is not None or form.quote is not None:
        return usual(form.delimiter or own["delimiter"], form.quote or own["quotechar"])
    for parameters in (own, *(usual(d, q) for q in "\"'" for d in ",;\t|")):
        header = next(csv.reader(StringIO(sample, newline=""), **parameters), [])
        if {*required(feed)} <= {*_named(feed, header)}:
            return parameters
    return own


def _copy(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    path: Path,
    shown: Path,
    encoding: str,
    parameters: dict[str, Any],
    work: Path,
) -> Contents:
    copy = work / "rows.csv"
    with path.open(encoding=encoding, newline="") as lines:
        reader = csv.reader(lines, strict=True, **parameters)
        header = _named(feed, next(reader, []))
        columns, positions = _matched(feed, header, shown, parameters)
        with copy.open("w", encoding="utf-8", newline="") as target:
            csv.writer(target).writerows(_rows(reader, len(header), positions))
    names = [*_OURS, *(column.name for column in columns)]
    dialect: Dialect = RFC_4180
    nulls = ", ".join(
        f"nullif({duck.name(name)}, {duck.text(feed.dialect.null_text)}) "
        f"as {duck.name(name)}"
        for name in names[2:]
    )
    connection.execute(
        "create temp table given as select cast(_line as bigint) as _line, "
        f"cast(_fields as bigint) as _fields, {nulls} from "
        + read_csv(copy, names, dialect).replace("header = true", "header = false")
    )
    known = {column.name for column in feed.state_columns}
    written = [column.name for column in feed.columns]
    form = {"encoding": encoding, **{k: str(v) for k, v in parameters.items() if v}}
    return Contents(
        columns,
        tuple(name for name in written if name not in header),
        tuple(name for name in header if name not in known),
        form,
    )


def _rows(
    reader: Any, fields: int, positions: Sequence[int]
) -> Iterator[list[str | int | None]]:
    """Yield each record: its first line, its fields if they are too many or few, cells.

    Empty lines are skipped.
    """
    before = reader.line_num
    for row in reader:
        line, before = before + 1, reader.line_num
        if len(row) == fields:
            yield [line, None, *(row[position] for position in positions)]
        elif row:
            yield [line, len(row), *(None for _ in positions)]


def _matched(
    feed: Feed, header: list[str], shown: Path, parameters: dict[str, Any]
) -> tuple[tuple[Column, ...], list[int]]:
    """Return the known columns and their positions in the file.

    Raises:
        Refused: a column of the key is missing, or a known one is there twice.
    """
    names = ", ".join(map(repr, header[:8])) or "no line"
    if missing := [name for name in required(feed) if name not in header]:
        raise Refused(
            f"{shown}: expected the key columns {', '.join(required(feed))} in the "
            f"first line, found no {', no '.join(missing)} (delimiter "
            f"{parameters['delimiter']!r}: {names}). Name the file's form by "
            "--delimiter, --quote and --encoding, or correct its header. Nothing was "
            "adopted."
        )
    columns = tuple(c for c in feed.state_columns if c.name in header)
    if repeated := [c.name for c in columns if header.count(c.name) > 1]:
        raise Refused(
            f"{shown}: expected each column once, found {', '.join(repeated)} again. "
            "Nothing was adopted."
        )
    return columns, [header.index(column.name) for column in columns]


def _named(feed: Feed, header: list[str]) -> list[str]:
    """Return the names of the columns in the mart for those of a header."""
    names = {column.header: column.name for column in feed.columns}
    stripped = (name.strip().removeprefix("\ufeff") for name in header)
    return [names.get(name, name) for name in stripped]
