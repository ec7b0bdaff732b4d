"""Reads the cells of a delivered file as text, whatever its dialect."""

import io
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runtime.duck import name, path_text, text
from store.dialect import Dialect, Position, read_csv
from store.records import padded

_BLANKS = "[ \\t\\r]*"
# A text, number, truth value or null of RFC 8259, for RE2.
_VALUE = (
    r'(?:"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"'
    r"|-?(?:0|[1-9][0-9]*)(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)"
)
_TRIMS = {"left": "rtrim", "right": "ltrim"}
_PIECE = 1 << 20  # characters in memory


@contextmanager
def cells(
    path: Path,
    columns: Sequence[str],
    dialect: Dialect,
    work: Path,
    positions: Sequence[Position] = (),
) -> Iterator[str]:
    """Give a FROM clause item of a file: a VARCHAR for each column, none guessed.

    It can be read while the context is open.

    Args:
        path: the file.
        columns: names for its columns, in order.
        dialect: its form.
        work: a folder with room for a copy, which a file in another encoding than
            UTF-8 needs.
        positions: of the columns, in a file of fixed widths.
    """

    def source(file: Path) -> str:
        if dialect.format == "fixed":
            return _read_fixed(file, columns, positions)
        if dialect.format == "jsonl":
            return _read_objects(file, columns)
        return read_csv(file, columns, dialect)

    if dialect.is_bare:
        yield source(path)
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(dir=work) as folder:
        copy = Path(folder) / "copy.csv"
        _to_utf8(path, copy, dialect)
        yield source(copy)


def _lines(path: Path) -> str:
    """Return a FROM clause item of a file in UTF-8: the column `line`."""
    # No text has this delimiter, so a line is one value.
    return (
        f"read_csv({path_text(path)}, columns = {{line: 'varchar'}}, "
        "auto_detect = false, compression = 'none', hive_partitioning = false, "
        "strict_mode = true, header = false, delim = e'\\x1c\\x1d\\x1e\\x1f', "
        "quote = '', escape = '')"
    )


def _read_fixed(
    path: Path, columns: Sequence[str], positions: Sequence[Position]
) -> str:
    """Return a FROM clause item of lines of one length; blanks are a missing value."""
    parts = ", ".join(
        f"nullif({_TRIMS[place.align]}(substring(line, {place.start}, {place.width}), "
        f"' '), '') as {name(column)}"
        for column, place in zip(columns, positions, strict=True)
    )
    length = positions[-1].start + positions[-1].width - 1
    wrong = f"'expected {length} characters in each line, found ' || length(line)"
    whole = f"length(line) = {length} or cast(error({wrong}) as boolean)"
    return f"(select {parts} from {_lines(path)} where {whole})"


def _read_objects(path: Path, columns: Sequence[str]) -> str:
    """Return a FROM clause item of JSON lines: texts, and numbers with their digits.

    DuckDB's reader of JSON makes DOUBLE of numbers, and takes a key that stands twice.
    So a line has to match a pattern of the whole object, with the keys of the first
    one, in order. Then it is split at its keys: inside a text a quote has a backslash
    before it, so no text has a key.

    Raises:
        ValueError: the first line is no JSON object with so many keys, or the last line
            has no end.
    """
    with path.open("rb") as file:
        first = file.readline().decode("utf-8")
        if first and (file.seek(-1, io.SEEK_END), file.read())[1] != b"\n":
            raise ValueError("the last line has no end: the file may be cut")
    if not first:
        nothing = ", ".join(
            f"cast(null as varchar) as {name(each)}" for each in columns
        )
        return f"(select {nothing} where false)"
    keys = [key for key, _ in json_object(first, 1)]
    if len(keys) != len(columns) or len({*keys}) != len(keys):
        raise ValueError(f"line 1: expected {len(columns)} keys, found {keys}")
    written = [re.escape(json.dumps(each, ensure_ascii=False)) for each in keys]
    pairs = ",".join(
        f"{_BLANKS}{key}{_BLANKS}:{_BLANKS}{_VALUE}{_BLANKS}" for key in written
    )
    marks = f"{_BLANKS}[{{,]{_BLANKS}(?:{'|'.join(written)}){_BLANKS}:{_BLANKS}"
    is_whole = (
        f"regexp_full_match(line, {text(f'{_BLANKS}[{{]{pairs}[}}]{_BLANKS}')}) "
        f"and len(cells) = {1 + len(columns)}"
    )
    wrong = text(f"expected an object of the keys {keys} in each line, found ")
    cells = ", ".join(
        f"case when cells[{place}] = 'null' then null "
        f"when not starts_with(cells[{place}], '\"') then cells[{place}] "
        f"when contains(cells[{place}], '\\') "
        f"then json_extract_string(cells[{place}], '$') "
        f"else cells[{place}][2:-2] end as {name(column)}"
        for place, column in enumerate(columns, 2)
    )
    return (
        f"(select {cells} from (select coalesce(line, '') as line, "
        f"string_split_regex(rtrim(line, '}} \t\r'), {text(marks)}) as cells "
        f"from {_lines(path)}) "
        f"where ({is_whole}) or cast(error({wrong} || left(line, 80)) as boolean))"
    )


def json_object(line: str, number: int) -> list[tuple[str, str | None]]:
    """Return the keys of a line's object, and their values as text.

    Raises:
        ValueError: it is no JSON object of texts, numbers, truth values and nulls.
    """
    pairs = json.loads(
        line, object_pairs_hook=list, parse_float=str, parse_int=str,
        parse_constant=lambda word: json.loads(f"[{word}"),
    )  # fmt: skip
    words = {True: "true", False: "false"}
    if not isinstance(pairs, list) or not all(isinstance(p, tuple) for p in pairs):
        raise ValueError(f"line {number}: expected a JSON object")
    read = []
    for key, value in pairs:
        cell = words[value] if isinstance(value, bool) else value
        if cell is not None and not isinstance(cell, str):
            raise ValueError(f"line {number}: expected a plain value of {key}")
        read.append((key, cell))
    return read


def read_lines(
    path: Path, dialect: Dialect, fields: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line and the cells of each row of fixed widths, or of JSON lines.

    Args:
        path: the file.
        dialect: its form.
        fields: of its manifest, by the column's name.
    """
    if dialect.format == "jsonl":
        with path.open(encoding="utf-8", newline="\n") as objects:
            for number, line in enumerate(objects, 1):
                values = (value or "" for _, value in json_object(line, number))
                yield number, dict(zip(fields, values, strict=True))
        return
    places = {each: Position.of_field(field) for each, field in fields.items()}
    with path.open(encoding=dialect.codec, newline="\n") as lines:
        for _ in dialect.header_records:
            lines.readline()
        rows = _without_last(lines, len(dialect.trailer_records))
        for number, line in enumerate(rows, 1 + len(dialect.header_records)):
            parts = {
                each: line[place.start - 1 : place.start - 1 + place.width]
                for each, place in places.items()
            }
            yield (
                number,
                {
                    each: cell.lstrip(" ")
                    if places[each].align == "right"
                    else cell.rstrip(" ")
                    for each, cell in parts.items()
                },
            )


def plain_number(field: Mapping[str, Any], cell: str) -> str:
    """Return SQL of the text of a number as SQL writes it.

    Args:
        field: of a manifest (Table Schema).
        cell: SQL of the text in the file.
    """
    if group := field.get("groupChar"):
        cell = f"replace({cell}, {text(group)}, '')"
    if mark := field.get("decimalChar"):
        cell = f"replace({cell}, {text(mark)}, '.')"
    if places := field.get("impliedPlaces"):
        cell = f"try_cast({cell} as double) / 1e{places}"
    return cell


def formatted(field: Mapping[str, Any], value: str) -> str:
    """Return a value of a key, such as 1000 or true, as the file has it."""
    if field.get("pad") == "0" and field["type"] == "string":
        return padded(value, field["width"], "0", ">")
    if "trueValues" in field and value.lower() in ("true", "false"):
        return str(field[f"{value.lower()}Values"][0])
    if (group := field.get("groupChar")) and re.fullmatch("-?[0-9]+", value):
        return f"{int(value):,}".replace(",", group)
    return value


def _to_utf8(path: Path, copy: Path, dialect: Dialect) -> None:
    """Copy a file in UTF-8, without its header and trailer records."""
    with (
        path.open(encoding=dialect.codec, newline="") as source,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        for _ in dialect.header_records:
            source.readline()
        if not dialect.trailer_records:
            while piece := source.read(_PIECE):
                target.write(piece)
            return
        for line in _without_last(source, len(dialect.trailer_records)):
            target.write(line)


def _without_last(lines: Iterable[str], number: int) -> Iterator[str]:
    """Yield lines, without some at the end."""
    last: deque[str] = deque()
    for line in lines:
        last.append(line)
        if len(last) > number:
            yield last.popleft()
