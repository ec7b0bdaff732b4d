"""Decodes CSV and XLSX: each row a JSON object, each value the text that it has.

DuckDB reads CSV, openpyxl reads XLSX. An empty value of a CSV without quotes is null.
"""

import codecs
import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from extract.declared.declaration import FileResource
from runtime import duck
from runtime.display import beginning
from runtime.environment import Limits
from runtime.exits import Refused

# Rows of a page.
_ROWS = 10_000
_BLOCK = 2**20  # bytes


def _csv_pages(place: Path, resource: FileResource, limits: Limits) -> Iterator[bytes]:
    """Yield the rows of a CSV as JSON.

    Raises:
        Refused: bytes are not of the encoding, or a row is not as long as the header.
    """
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        text = Path(folder) / "utf8"
        _transcode(place, text, resource.encoding)
        names = _header(text, resource)
        columns = ", ".join(f"{duck.text(name)}: 'VARCHAR'" for name in names)
        quote = duck.text(resource.quote)
        query = f"""
            select cast(to_json(line) as varchar)
            from read_csv(
                {duck.path_text(text)}, auto_detect = false, header = true,
                delim = {duck.text(resource.delimiter)}, quote = {quote},
                escape = {quote}, nullstr = '', allow_quoted_nulls = false,
                strict_mode = true, columns = {{{columns}}},
                hive_partitioning = false
            ) as line
        """
        with duck.open_session(limits, place.parent) as connection:
            try:
                rows = connection.execute(query)
                while chunk := rows.fetchmany(_ROWS):
                    yield f"[{','.join(row[0] for row in chunk)}]".encode()
            except duck.any_error() as error:
                lines = [line for line in str(error).splitlines() if line.strip()]
                reason = " ".join(lines[:3]).removeprefix("Invalid Input Error: ")
                raise Refused(f"{beginning(reason, 300)}.") from None


def _transcode(place: Path, text: Path, encoding: str) -> None:
    """Write a file as UTF-8, in pieces."""
    decode = codecs.getincrementaldecoder(encoding)()
    done = 0
    with place.open("rb") as source, text.open("w", encoding="utf-8", newline="") as to:
        while True:
            block = source.read(_BLOCK)
            try:
                to.write(decode.decode(block, final=not block))
            except UnicodeDecodeError as error:
                at = done + error.start
                raise Refused(
                    f"expected {encoding}, found the byte "
                    f"{error.object[error.start]:#x} near position {at:,}."
                ) from None
            if not block:
                return
            done += len(block)


def _header(text: Path, resource: FileResource) -> list[str]:
    """Return the names in the first row.

    Raises:
        Refused: there is none, one is empty, or one stands twice.
    """
    with text.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(
            lines,
            delimiter=resource.delimiter,
            quotechar=resource.quote or None,
            quoting=csv.QUOTE_MINIMAL if resource.quote else csv.QUOTE_NONE,
            strict=True,
        )
        try:
            names = next(reader, [])
        except csv.Error as error:
            raise Refused(f"expected a row with names, found none ({error}).") from None
    return _checked_names(names)


def _checked_names(names: list[str]) -> list[str]:
    if not names or not all(name.strip() for name in names):
        raise Refused(
            "expected a first row with the name of each column, found "
            f"{json.dumps(names, ensure_ascii=False)[:200]}."
        )
    lower = [name.casefold() for name in names]
    for name in names:
        if lower.count(name.casefold()) > 1:
            raise Refused(f"expected each column name once, found {name} again.")
    return names


def _xlsx_pages(place: Path, resource: FileResource, limits: Limits) -> Iterator[bytes]:
    """Yield the rows of a sheet as JSON; a blank row is left out.

    Raises:
        Refused: it is no workbook, or a cell has an error or a formula without a value.
    """
    rows = _sheet_rows(place, resource)
    _, first = next(rows, (1, []))
    while first and not first[-1]:
        first.pop()
    names = _checked_names([each or "" for each in first])
    page: list[dict[str, str | None]] = []
    for number, texts in rows:
        if not any(text is not None for text in texts):
            continue
        if beyond := [text for text in texts[len(names) :] if text is not None]:
            raise Refused(
                f"expected {len(names)} cells in row {number}, as the first row has, "
                f"found {beyond[0]!r} behind them."
            )
        texts += [None] * (len(names) - len(texts))
        page.append(dict(zip(names, texts, strict=False)))
        if len(page) == _ROWS:
            yield msgspec.json.encode(page)
            page = []
    if page:
        yield msgspec.json.encode(page)


def _sheet_rows(
    place: Path, resource: FileResource
) -> Iterator[tuple[int, list[str | None]]]:
    """Yield the number and the texts of each row of a sheet.

    It is read twice at once: openpyxl gives either values or formulas.
    """
    import openpyxl  # type: ignore[import-untyped]

    content = place.read_bytes()
    try:
        values, formulas = (
            openpyxl.load_workbook(io.BytesIO(content), True, data_only=only)
            for only in (True, False)
        )
    except Exception as error:  # openpyxl lets errors of zipfile and XML through
        raise Refused(
            f"expected an XLSX workbook, found something else ({error})."
        ) from None
    sheets = values.sheetnames
    if resource.sheet is UNSET and len(sheets) != 1:
        raise Refused(f"expected `sheet`: one of {', '.join(sheets)}; found none.")
    name = sheets[0] if resource.sheet is UNSET else resource.sheet
    if name not in sheets:
        raise Refused(f"expected the sheet {name}, found {', '.join(sheets)}.")
    pair = (values[name], formulas[name])
    for sheet in pair:
        sheet.reset_dimensions()  # a wrong one would cut rows and columns
    rows = zip(*(sheet.iter_rows() for sheet in pair), strict=True)
    for number, row in enumerate(rows, 1):
        yield number, [*map(_cell_text, *row)]


def _cell_text(cell: Any, formula: Any) -> str | None:
    """Return a cell as text: what a CSV of the sheet would have.

    Raises:
        Refused: it has an error, or a formula that nobody has computed.
    """
    value = cell.value
    if cell.data_type == "e":
        raise Refused(f"expected a value in {cell.coordinate}, found {value}.")
    if value is None and formula.data_type == "f":
        raise Refused(
            f"expected a value in {cell.coordinate}, found a formula that was not "
            "computed. Save the workbook by a spreadsheet program."
        )
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


# A format -> what yields the rows of a file in pages.
PAGES: dict[str, Callable[[Path, FileResource, Limits], Iterator[bytes]]] = {
    "csv": _csv_pages,
    "xlsx": _xlsx_pages,
}
