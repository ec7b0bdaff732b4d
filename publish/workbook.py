"""Writes a file as an Excel workbook by XlsxWriter; openpyxl reads it back."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

from runtime.exits import Misuse, Refused
from runtime.files import atomic_write
from store.feeds import Feed
from store.feeds.declaration import Workbook

csv.field_size_limit(2**31 - 1)
# No clock: the same content gives the same bytes.
_CREATED = datetime(2000, 1, 1, tzinfo=UTC)
_MOST = "1,048,576 rows, 16,384 columns and 32,767 characters in a cell"


def check_library() -> None:
    """Check that the packages of the extra are there.

    Raises:
        Misuse: they are not.
    """
    try:
        import openpyxl  # type: ignore[import-untyped]  # noqa: F401
        import xlsxwriter  # type: ignore[import-untyped]  # noqa: F401
    except ImportError:
        raise Misuse(
            "workbook: expected the packages xlsxwriter and openpyxl, found none. "
            "Install partner-feeds[xlsx]."
        ) from None


def write(feed: Feed, declared: Workbook, source: Path, path: Path) -> None:
    """Write a delimited file as a workbook, whole or not at all; read it back.

    Every cell is a text. A missing value, and an empty text, is an empty cell. Memory
    does not grow with the rows.

    Args:
        feed: whose dialect the file has.
        declared: name of the sheet.
        source: the file.
        path: the workbook.

    Raises:
        Refused: a sheet has no room for it, or another library reads other cells.
        OSError: the disk is full.
    """
    import xlsxwriter

    with atomic_write(path) as part:
        with xlsxwriter.Workbook(part, {"constant_memory": True}) as book:
            book.set_properties({"created": _CREATED})
            as_text = book.add_format({"num_format": "@"})
            sheet = book.add_worksheet(declared.sheet)
            # Excel marks each number that is a text otherwise.
            sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
            for row, cells in enumerate(_rows(feed, source)):
                for column, text in enumerate(cells):
                    if text and sheet.write_string(row, column, text, as_text):
                        raise Refused(
                            f"{source}: expected at most {_MOST}, which a workbook has "
                            f"room for; found row {row + 1}, column {column + 1} with "
                            f"{len(text):,} characters. Nothing was sent."
                        )
        _compare(feed, declared, source, part)


def _compare(feed: Feed, declared: Workbook, source: Path, path: Path) -> None:
    import openpyxl
    from openpyxl.utils.escape import unescape  # type: ignore[import-untyped]

    with path.open("rb") as handle:
        book = openpyxl.load_workbook(handle, read_only=True)
        with closing(book):
            sheet = book[declared.sheet]
            sheet.reset_dimensions()  # the writer does not know them at the beginning
            read = sheet.iter_rows(values_only=True)
            pairs = zip_longest(_rows(feed, source), read, fillvalue=())
            for number, (expected, actual) in enumerate(pairs, 1):
                cells = [unescape(cell) if cell else "" for cell in actual]
                if _trimmed(expected) != _trimmed(cells):
                    raise Refused(
                        f"{path}, row {number}: expected the cells of {source}, found "
                        f"{cells}. Nothing was sent."
                    )


def _rows(feed: Feed, source: Path) -> Iterator[list[str]]:
    """Yield the header and the rows of a file; a missing value is an empty text."""
    missing = feed.dialect.null_text
    with source.open(encoding=feed.dialect.codec, newline="") as lines:
        for cells in csv.reader(lines, strict=True, **feed.dialect.for_csv):
            yield ["" if cell == missing else cell for cell in cells]


def _trimmed(cells: Sequence[str]) -> list[str]:
    """Return the cells of a row without the empty ones at its end."""
    last = max((n for n, cell in enumerate(cells, 1) if cell), default=0)
    return list(cells[:last])
