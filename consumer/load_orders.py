"""Load files of the order feed into PostgreSQL or DuckDB.

    python load_orders.py FOLDER DATABASE

FOLDER has the files as they were delivered. DATABASE is postgresql://... (the password
from PGPASSWORD or ~/.pgpass) or the path of a DuckDB file. Needs psycopg 3 for
PostgreSQL, duckdb for DuckDB. Tested with Python 3.11.

Each file is one transaction, which replaces all rows of each of its orders. It may be
compressed by gzip or zip, or be an Excel workbook as it was delivered. It is removed
after the commit. Killed at any moment and run again, the result is the same.

    orders          every row of every order, as text; `feed_term` and `feed_file` say
                    which file it came from
    current_orders  the orders that are not deleted
    loaded_files    what was loaded: name, SHA-256, rows, and characters of the texts,
                    which the sender's receipt has too

Exit code 0: every file is loaded. 1: a person must act; nothing of the named file was
loaded. 2: usage. 75: try again later.
"""

import argparse
import csv
import datetime as dt
import gzip
import hashlib
import os
import re
import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree

NAME = re.compile(
    r"(\d{4}-\d\d-\d\d)-(.+)-order-feed-(delta|full)"
    r"(?:\.csv|(?:\.csv)?\.(?:gz|zip|xlsx))"
)
OURS = ("feed_term", "feed_file")
# Every other column of the three layouts is a text.
NO_TEXT = re.compile(
    r"order_id|order_created|order_updated|is_deleted|is_royalty|cr_created"
    r"|(ci_)?publication_date|(ci_)?(offer|print_list|student)_price(_original)?"
)
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
# How a workbook writes characters that XML does not have.
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
LOCK = 0x0DE2F3ED  # of PostgreSQL: one program at a time


class StopError(Exception):
    """What stops the program: a message and the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class DuckDB:
    """A DuckDB file. DuckDB lets one process at a time write it."""

    def __init__(self, place: str) -> None:
        import duckdb

        self.errors = duckdb.Error
        try:
            self.connection = duckdb.connect(place)
        except duckdb.IOException as error:
            raise StopError(f"{place} cannot be opened now: {error}", 75) from None

    def execute(self, query: str, *values: object) -> "list[tuple[Any, ...]]":
        """Run a statement; `?` is a value."""
        rows: list[tuple[Any, ...]]
        rows = self.connection.execute(query, values).fetchall()
        return rows

    def stage(self, file: BinaryIO, path: Path, columns: "list[str]") -> None:
        """Make the temporary table `staged` of a file; "null" is a missing value."""
        types = ", ".join(f"{literal(column)}: 'varchar'" for column in columns)
        self.execute(
            f"create or replace temp table staged as from read_csv({literal(path)}, "
            f"columns = {{{types}}}, header = true, delim = ',', quote = '\"', "
            "escape = '\\', nullstr = 'null', allow_quoted_nulls = true, "
            "auto_detect = false, strict_mode = true, hive_partitioning = false, "
            "compression = 'none')"
        )


class PostgreSQL:
    """A PostgreSQL database."""

    def __init__(self, place: str) -> None:
        import psycopg

        self.errors = psycopg.Error
        try:
            self.connection = psycopg.connect(place, autocommit=True)
        except psycopg.OperationalError as error:
            message = f"the database cannot be reached now: {error}"
            raise StopError(message, 75) from None
        if not self.execute("select pg_try_advisory_lock(?)", LOCK)[0][0]:
            raise StopError("another program loads files into this database", 75)

    def execute(self, query: str, *values: object) -> "list[tuple[Any, ...]]":
        """Run a statement; `?` is a value."""
        done = self.connection.execute(query.replace("?", "%s"), values or None)
        return done.fetchall() if done.description else []

    def stage(self, file: BinaryIO, path: Path, columns: "list[str]") -> None:
        """Make the temporary table `staged` of a file; "null" is a missing value."""
        names = ", ".join(map(name, columns))
        texts = ", ".join(f"{name(column)} text" for column in columns)
        self.execute("drop table if exists pg_temp.staged")
        self.execute(f"create temp table staged ({texts})")
        with self.connection.cursor().copy(
            f"copy pg_temp.staged from stdin (format csv, header, encoding 'utf8', "
            f"escape '\\', null 'null', force_null ({names}))"
        ) as copy:
            while block := file.read(1 << 20):
                copy.write(block)


def name(column: str) -> str:
    """Return a quoted name for SQL."""
    return '"' + column.replace('"', '""') + '"'


def literal(value: object) -> str:
    """Return a text for SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def waiting(folder: Path) -> "list[tuple[str, str, str, Path]]":
    """Return day, kind, term and path of each file, in the order to load them.

    The delta of a day comes before its full file, as the names sort.
    """
    try:
        named = [(NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    except OSError as error:
        raise StopError(f"{folder} cannot be read: {error}", 2) from None
    return sorted((m[1], m[3], m[2], path) for m, path in named if m)


@contextmanager
def plain(path: Path) -> "Iterator[Path]":
    """Give the file as CSV: itself, or what is in it, which is removed afterwards."""
    if path.suffix == ".csv":
        yield path
        return
    # No delivered file has such a name. One that a killed program left is replaced.
    copy = path.with_name(f".{path.name}.unpacked")
    try:
        if path.suffix == ".xlsx":
            with copy.open("w", encoding="utf-8", newline="") as target:
                csv.writer(
                    target, quoting=csv.QUOTE_ALL, doublequote=False, escapechar="\\",
                    lineterminator="\n",
                ).writerows(cells(path))  # fmt: skip
        else:
            with unpacked(path) as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
    except (
        EOFError, ValueError, LookupError, NotImplementedError, RuntimeError,
        gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, ElementTree.ParseError,
    ) as error:  # fmt: skip
        copy.unlink(missing_ok=True)
        raise StopError(f"{path} cannot be unpacked: {error}") from None
    try:
        yield copy
    finally:
        copy.unlink(missing_ok=True)


@contextmanager
def unpacked(path: Path) -> "Iterator[Any]":
    """Open what is in a file that is compressed by gzip or zip."""
    if path.suffix == ".gz":
        with gzip.open(path) as inside:
            yield inside
        return
    with zipfile.ZipFile(path) as archive:
        members = archive.namelist()
        if len(members) != 1:
            raise ValueError(f"expected one file in it, found {len(members)}")
        with archive.open(members[0]) as inside:
            yield inside


def cells(path: Path) -> "Iterator[list[str]]":
    """Yield the rows of a workbook; an empty cell is "null", as in the CSV file.

    Every cell is a text. In one that a spreadsheet program saved they are not any more:
    it may have changed values, and is refused.
    """
    width, data = 0, None
    member = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(path) as archive, archive.open(member) as xml:
        for event, element in ElementTree.iterparse(xml, ("start", "end")):  # noqa: S314 (expat limits entities)
            if element.tag == f"{SHEET}sheetData":
                data = element
            if event == "start" or element.tag != f"{SHEET}row" or data is None:
                continue
            row = dict(map(cell_of, element))
            width = width or len(row)
            if row and max(row) > width:
                raise ValueError(f"a row has more cells than the header: {row}")
            yield [row.get(place) or "null" for place in range(1, width + 1)]
            data.clear()


def cell_of(cell: "ElementTree.Element") -> "tuple[int, str]":
    """Return the column of a cell of a workbook, from 1, and its text."""
    place, column = cell.get("r") or "", 0
    if cell.get("t") != "inlineStr":
        raise ValueError(f"the cell {place} is no text: load the file as it came")
    for letter in re.sub("[^A-Z]", "", place):
        column = 26 * column + ord(letter) - 64
    text = "".join(part.text or "" for part in cell.iter(f"{SHEET}t"))
    return column, ESCAPED.sub(lambda each: chr(int(each[1], 16)), text)


def digest_of(file: BinaryIO) -> str:
    """Return the SHA-256 of a file, in hexadecimal, and go back to its beginning."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()


def columns_of(file: BinaryIO, path: Path) -> "list[str]":
    """Return the names in the first line of a file."""
    line = file.readline().decode("utf-8")
    file.seek(0)
    names = next(csv.reader([line], doublequote=False, escapechar="\\"), [])
    expected = {"order_id", "is_deleted"}
    if not expected <= {*names} or len(names) != len({*names}) or {*OURS} & {*names}:
        raise StopError(
            f"{path}: expected a header with order_id, is_deleted, no name twice, "
            f"found {line.strip()!r}"
        )
    return names


def prepare(database: Any) -> None:
    """Make the tables that are not there."""
    database.execute(
        "create table if not exists loaded_files (file text, sha256 text, day text, "
        "rows bigint, characters bigint, missing_orders bigint, loaded_at text)"
    )
    ours = ", ".join(f"{column} text" for column in OURS)
    database.execute(
        f"create table if not exists orders ({ours}, order_id text, is_deleted text)"
    )


def widen(database: Any, columns: "list[str]") -> None:
    """Add columns that the table lacks, such as those of a newer layout."""
    known = {
        row[0]
        for row in database.execute(
            "select column_name from information_schema.columns "
            "where table_name = 'orders' and table_schema = current_schema()"
        )
    }
    new = [column for column in columns if column not in known]
    for column in new:
        database.execute(f"alter table orders add column {name(column)} text")
    if new:
        # A view keeps the columns that it was made with.
        database.execute("drop view if exists current_orders")
        database.execute(
            "create view current_orders as select * from orders "
            "where lower(is_deleted) = 'false'"
        )


def load(database: Any, day: str, kind: str, term: str, path: Path) -> str:
    """Load one file in one transaction; return a line about it.

    The caller removes the file, which is committed then.
    """
    which = path.stat()
    with plain(path) as content, content.open("rb") as file:
        sha256 = digest_of(file)
        if path.suffix == ".xlsx":  # the CSV file that it was made of is not in it
            with path.open("rb") as workbook:
                sha256 = digest_of(workbook)
        done = database.execute(
            "select 1 from loaded_files where file = ? and sha256 = ?",
            path.name, sha256,
        )  # fmt: skip
        if done:
            line = "was loaded before"
        else:
            newest = database.execute("select max(day) from loaded_files")[0][0]
            if newest and day < newest:
                raise StopError(
                    f"{path}: a file of {newest} is loaded, and this one is older: its "
                    "orders would get old rows. Move it away, or ask for a full file."
                )
            line = replace_orders(
                database, kind, term, day, file, content, path, sha256
            )
        if not os.path.samestat(path.stat(), which):
            raise StopError(f"{path} was replaced meanwhile: run this again", 75)
    return line


def replace_orders(
    database: Any, kind: str, term: str, day: str, file: BinaryIO, content: Path,
    path: Path, sha256: str,
) -> str:  # fmt: skip
    """Replace all rows of each order in a file, whatever its term.

    `content` is the file as CSV, and `file` is it, opened.
    """
    columns = columns_of(file, path)
    names = ", ".join(map(name, columns))
    database.execute("begin")
    try:
        database.stage(file, content, columns)
        widen(database, columns)
        lacking = "select 1 from staged where order_id is null or is_deleted is null"
        if database.execute(f"{lacking} limit 1"):
            raise StopError(f"{path}: a row has no order_id or no is_deleted")
        database.execute(
            "delete from orders where order_id in (select order_id from staged)"
        )
        database.execute(
            f"insert into orders (feed_term, feed_file, {names}) "
            f"select ?, ?, {names} from staged", term, path.name,
        )  # fmt: skip
        texts = [column for column in columns if not NO_TEXT.fullmatch(column)]
        lengths = " + ".join(f"coalesce(length({name(each)}), 0)" for each in texts)
        rows, characters = database.execute(
            f"select count(*), coalesce(sum({lengths or 0}), 0) from staged"
        )[0]
        missing = 0
        if kind == "full":
            # Not deleted: a deleted order is in the file, with is_deleted true.
            missing = database.execute(
                "select count(distinct order_id) from orders "
                "where feed_term = ? and feed_file <> ?", term, path.name,
            )[0][0]  # fmt: skip
        database.execute("delete from loaded_files where file = ?", path.name)
        now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")  # noqa: UP017
        database.execute(
            "insert into loaded_files values (?, ?, ?, ?, ?, ?, ?)",
            path.name, sha256, day, rows, int(characters), missing, now,
        )  # fmt: skip
        database.execute("commit")
    except (database.errors, StopError) as error:
        database.execute("rollback")
        if isinstance(error, StopError):
            raise
        raise StopError(f"{path}: {error}") from None
    line = f"{rows} rows, {characters} characters"
    if missing:
        line += f"; {missing} orders of the term are not in this full file: ask why"
    return line


def main(words: "list[str] | None" = None) -> int:
    """Load what waits in a folder; return the exit code."""
    parser = argparse.ArgumentParser(description="Load files of the order feed.")
    parser.add_argument("folder", type=Path, help="has the delivered files")
    parser.add_argument(
        "database", help="postgresql://... or the path of a DuckDB file"
    )
    options = parser.parse_args(words)
    is_url = re.match("postgres(ql)?://", options.database)
    try:
        database = (PostgreSQL if is_url else DuckDB)(options.database)
        prepare(database)
        for day, kind, term, path in waiting(options.folder):
            line = load(database, day, kind, term, path)
            path.unlink()
            sys.stdout.write(f"{path.name}: {line}\n")
    except StopError as stop:
        sys.stderr.write(f"Error: {stop}\n")
        return stop.code
    except ImportError as error:
        sys.stderr.write(f"Error: {error}. Install duckdb, or psycopg[binary].\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
