"""Rows of a sorted CSV file by their key, without reading the file.

The files of a package are sorted by key, so half of what is left is ruled out by each
look. A look begins after some line feed. Whether that one ends a record or stands in a
quoted value is told by what follows it: for 64 KiB there must be nothing but whole
records, each field quoted as it should be, with as many fields as the header. No value
of ours is so long that it could hold that much of the like.
"""

import csv
import mmap
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_NEAR = 1 << 15  # below this many bytes, read on
_WINDOW = 1 << 16  # bytes that must be whole records, if a record begins there
_RECORD = 1 << 24  # bytes of the longest record that is looked at
_CHUNK = 1 << 20
_LONGEST = 1 << 28  # a value; Python's own limit is less than a long list


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file is written: see `dialect` of a package's manifest."""

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A record: its values by name, and the bytes where it begins and ends."""

    values: Mapping[str, str]
    begin: int
    end: int


Sort = Callable[[Mapping[str, str]], tuple[object, ...]]


class SortedCsv:
    """A file with a header, sorted by what `sort` makes of a record."""

    def __init__(self, path: Path, dialect: Dialect, sort: Sort) -> None:
        """Open `path`; close it by `close`."""
        self._dialect, self._sort = dialect, sort
        csv.field_size_limit(_LONGEST)
        self._path = path
        with path.open("rb") as handle:
            self._bytes = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        self._names: list[str] = []
        _, end, self._names = next(self._records(0))
        self._begin = end
        self._shape = _shape(dialect, len(self._names))

    def close(self) -> None:
        """Let the file go."""
        self._bytes.close()

    def find(self, key: tuple[object, ...]) -> list[Found]:
        """Return the records with a key, in the order of the file."""
        found: list[Found] = []
        for start, end, values in self._records(self._lower(key)):
            record = dict(zip(self._names, values, strict=False))
            at = self._sort(record)
            if at > key:
                break
            if at == key:
                found.append(Found(record, start, end))
        return found

    def _lower(self, key: tuple[object, ...]) -> int:
        """Return where to begin reading: no record with the key is before it."""
        low, high = self._begin, len(self._bytes)
        while high - low > _NEAR:
            middle = (low + high) // 2
            seen = self._after(middle, high)
            if seen is None:
                return self._begin if low == self._begin else low
            start, at = seen
            if at < key:
                low = start
            else:
                high = middle
        return low

    def _after(self, offset: int, high: int) -> tuple[int, tuple[object, ...]] | None:
        """Return the first record that surely begins after `offset`, and its key."""
        for _ in range(64):
            line = self._bytes.find(b"\n", offset) + 1
            if line in (0, len(self._bytes)) or line >= high:
                return None
            if (at := self._trusted(line)) is not None:
                return line, at
            offset = line
        return None

    def _trusted(self, start: int) -> tuple[object, ...] | None:
        """Return the key of a record, None if none begins here."""
        at, size = start, len(self._bytes)
        while at < min(start + _WINDOW, size):
            # Up to the end of the file, or of any record that could be meant.
            found = self._shape.match(self._bytes, at, min(at + _RECORD, size))
            if found is None:
                return None
            at = found.end()
        _, _, values = next(self._records(start))
        return self._sort(dict(zip(self._names, values, strict=True)))

    def _records(self, start: int) -> Iterator[tuple[int, int, list[str]]]:
        """Yield begin, end and values of the records from `start` on."""
        taken = [start]

        def lines() -> Iterator[str]:
            at = start
            while at < len(self._bytes):
                end = self._bytes.find(b"\n", at) + 1 or len(self._bytes)
                taken[0] = end
                yield self._bytes[at:end].decode(self._dialect.encoding)
                at = end

        begin = start
        for values in csv.reader(
            lines(),
            delimiter=self._dialect.delimiter,
            quotechar=self._dialect.quote,
            escapechar=self._dialect.escape,
            doublequote=self._dialect.escape is None,
            strict=True,
        ):
            yield begin, taken[0], values
            begin = taken[0]

    def line(self, offset: int) -> int:
        """Return the number of the line that holds the byte at `offset`, from 1."""
        # Read, not mapped: what is mapped counts as memory of ours, to the last byte.
        count, left, chunk = 1, offset, bytearray(_CHUNK)
        with self._path.open("rb", buffering=0) as handle:
            while left and (got := handle.readinto(memoryview(chunk)[:left])):
                count += chunk.count(b"\n", 0, got)
                left -= got
        return count


def _shape(dialect: Dialect, fields: int) -> re.Pattern[bytes]:
    """Return what one whole record looks like, with so many fields."""
    quote, comma = (
        re.escape(each.encode()) for each in (dialect.quote, dialect.delimiter)
    )
    if dialect.escape is None:
        inner = b"(?:[^%b]|%b%b)*+" % (quote, quote, quote)
    else:
        escape = re.escape(dialect.escape.encode())
        inner = b"(?:[^%b%b]|%b.)*+" % (quote, escape, escape)
    field = b"(?:%b%b%b|[^%b%b\\r\\n]*+)" % (quote, inner, quote, quote, comma)
    return re.compile(
        b"%b(?:%b%b){%d}(?:\\r?\\n|\\Z)" % (field, comma, field, fields - 1), re.DOTALL
    )


def keys(names: Sequence[str]) -> Sort:
    """Return what sorts records as `publish` does: by these columns, nothing first.

    A whole number sorts as one: DuckDB sorted it before it became text.
    """

    def sort(record: Mapping[str, str]) -> tuple[object, ...]:
        return tuple(key_of(name, record[name]) for name in names)

    return sort


def key_of(name: str, text: str | None) -> object:
    """Return what a value of a column sorts by."""
    if name.endswith("_id"):
        return int(text) if text else -1
    return (text or "").encode()
