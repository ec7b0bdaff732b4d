"""Reads the cells of a delivered file as text, whatever its dialect."""

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import structs

from runtime.duck import name, path_text, text
from store.dialect import RFC_4180, Dialect, Position, read_csv
from store.records import padded

_OBJECTS = structs.replace(RFC_4180, header=False)
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
        chosen = _OBJECTS if dialect.format == "jsonl" else dialect
        return read_csv(file, columns, chosen)

    if dialect.is_bare and dialect.format != "jsonl":
        yield source(path)
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(dir=work) as folder:
        copy = Path(folder) / "copy.csv"
        if dialect.format == "jsonl":
            _objects_to_csv(path, copy)
        else:
            _to_utf8(path, copy, dialect)
        yield source(copy)


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
    # No text has this delimiter, so a line is one value.
    lines = (
        f"read_csv({path_text(path)}, columns = {{line: 'varchar'}}, "
        "auto_detect = false, compression = 'none', hive_partitioning = false, "
        "strict_mode = true, header = false, delim = e'\\x1c\\x1d\\x1e\\x1f', "
        "quote = '', escape = '')"
    )
    return f"(select {parts} from {lines} where {whole})"


def _objects_to_csv(path: Path, copy: Path) -> None:
    """Copy JSON lines as CSV: every value in quotes, a missing one nothing.

    Numbers keep their digits, which DuckDB's own reader of JSON does not.

    Raises:
        ValueError: a line is no object with the keys of the first one, in order.
    """
    known: list[str] = []
    with (
        path.open(encoding="utf-8", newline="\n") as lines,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        for number, line in enumerate(lines, 1):
            pairs = json_object(line, number)
            keys = [key for key, _ in pairs]
            known = known or keys
            if keys != known or not line.endswith("\n"):
                raise ValueError(f"line {number}: expected {known}, found {keys}")
            values = (
                "" if cell is None else '"' + cell.replace('"', '""') + '"'
                for _, cell in pairs
            )
            target.write(",".join(values) + "\n")


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
