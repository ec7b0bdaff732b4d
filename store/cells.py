"""Reads the cells of a delivered file as text, whatever its dialect."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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


def _to_utf8(path: Path, copy: Path, dialect: Dialect) -> None:
    with (
        path.open(encoding=dialect.codec, newline="") as source,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        while piece := source.read(_PIECE):
            target.write(piece)
