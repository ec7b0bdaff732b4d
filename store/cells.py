"""Reads the cells of a delivered file as text, whatever its dialect."""

import re
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runtime.duck import text
from store.dialect import Dialect, read_csv

_PIECE = 1 << 20  # characters in memory


@contextmanager
def cells(
    path: Path, columns: Sequence[str], dialect: Dialect, work: Path
) -> Iterator[str]:
    """Give a FROM clause item of a file: a VARCHAR for each column, none guessed.

    It can be read while the context is open.

    Args:
        path: the file.
        columns: names for its columns, in order.
        dialect: its form.
        work: a folder with room for a copy, which a file in another encoding than
            UTF-8 needs.
    """
    if dialect.is_plain:
        yield read_csv(path, columns, dialect)
        return
    with tempfile.TemporaryDirectory(dir=work) as folder:
        copy = Path(folder) / "copy.csv"
        _to_utf8(path, copy, dialect)
        yield read_csv(copy, columns, dialect)


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
        last: deque[str] = deque()
        for line in source:
            last.append(line)
            if len(last) > len(dialect.trailer_records):
                target.write(last.popleft())
