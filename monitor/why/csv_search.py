"""Find records of a CSV file by the value of one column, without parsing the file.

The bytes of the value are searched. A hit counts only if the record around it, parsed
from its first byte, has the value in that column: the same bytes may be part of another
field. A line feed ends a record if the number of quotes before it is even.
"""

import csv
import mmap
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from store.dialect import Dialect

_PIECE = 1 << 20  # bytes that are counted at once
_LONGEST = 1 << 28  # characters of a field; Python's own limit is 128 KiB
# Values that are quoted only where every value of the file is quoted.
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its values by column, and the lines of the file that it covers."""

    values: Mapping[str, str]
    first_line: int
    last_line: int


def find(
    path: Path,
    dialect: Dialect,
    column: str,
    value: str,
    names: Sequence[str] | None = None,
) -> list[Record]:
    """Return the records of a file that have `value` in `column`, in file order.

    Args:
        path: the file. A missing or empty file has no records.
        dialect: how the file is written.
        column: a name of a column. Without such a column there are no records.
        value: the value as text.
        names: of the columns; default those of the header.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return []
    if not dialect.is_searchable:
        return list(_read(path, dialect, column, value, names))
    with (
        path.open("rb") as handle,
        mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return list(_Search(content, dialect, names).find(column, value))


def _read(
    path: Path,
    dialect: Dialect,
    column: str,
    value: str,
    names: Sequence[str] | None,
) -> Iterator[Record]:
    """Read every record: the bytes of a text are not only in the text itself."""
    csv.field_size_limit(_LONGEST)
    with path.open(encoding=dialect.codec, newline="") as lines:
        skipped = sum(bool(lines.readline()) for _ in dialect.header_records)
        reader = csv.reader(lines, strict=True, **dialect.for_csv)
        header = next(reader, []) if dialect.header else []
        known = list(names or header)
        if column not in known:
            return
        place, before = known.index(column), reader.line_num
        for values in reader:
            if values[place : place + 1] == [value]:
                named = dict(zip(known, values, strict=False))
                yield Record(named, skipped + before + 1, skipped + reader.line_num)
            before = reader.line_num


class _Search:
    def __init__(
        self, content: mmap.mmap, dialect: Dialect, names: Sequence[str] | None
    ) -> None:
        csv.field_size_limit(_LONGEST)
        self._content, self._dialect = content, dialect
        self._quote = dialect.quote.encode()
        # None: a quote within a value is written twice.
        escape = None if dialect.escape == dialect.quote else dialect.escape.encode()
        self._escape = escape
        self._escaped = re.compile(re.escape(escape or b"") + b".", re.DOTALL)
        self._begin = 3 if dialect.byte_order_mark else 0
        for _ in dialect.header_records:
            self._begin = content.find(b"\n", self._begin) + 1
        if dialect.header:
            header, self._begin = self._record(self._begin)
        self._names = list(names or header)

    def find(self, column: str, value: str) -> Iterator[Record]:
        if column not in self._names:
            return
        place = self._names.index(column)
        needles = self._needles(place, value)
        begin, line = self._begin, 1 + self._count(b"\n", 0, self._begin)
        while (hit := self._first(needles, begin - 1)) is not None:
            start = self._start(begin, hit)
            line += self._count(b"\n", begin, start)
            values, begin = self._record(start)
            after = line + self._count(b"\n", start, begin)
            if values[place : place + 1] == [value]:
                ends = self._content[begin - 1 : begin] == b"\n"
                named = dict(zip(self._names, values, strict=False))
                yield Record(named, line, after - ends)
            line = after

    def _needles(self, place: int, value: str) -> list[bytes]:
        """Return the ways in which the value may be written, with what is before it."""
        dialect = self._dialect
        before = dialect.delimiter if place else "\n"
        after = dialect.delimiter if place + 1 < len(self._names) else ""
        text = value.replace(dialect.escape, dialect.escape * 2)
        if self._escape:
            text = text.replace(dialect.quote, dialect.escape + dialect.quote)
        bare = before + value + after
        quoted = before + dialect.quote + text + dialect.quote + after
        needles = [bare, quoted]
        if _PLAIN.fullmatch(value):
            # Such a value is in quotes only where all are. Each needle is a search.
            if self._escape:  # needs quotes around every value
                needles = [quoted]
            elif self._has_bare_values():
                needles = [bare]
        return [needle.encode(dialect.encoding) for needle in needles]

    def _has_bare_values(self) -> bool:
        """Return whether a value of the first two records is not in quotes.

        The header may be in quotes where values are not.
        """
        _, end = self._record(self._begin)
        between = self._quote + self._dialect.delimiter.encode() + self._quote
        wanted = len(self._names) - 1
        return any(
            record[:1] != self._quote or record.count(between) < wanted
            for record in (
                self._content[: self._begin], self._content[self._begin : end]
            )
            if record
        )  # fmt: skip

    def _first(self, needles: list[bytes], begin: int) -> int | None:
        """Return where the first needle is, from `begin` on."""
        hits = [self._content.find(needle, begin) for needle in needles]
        # A needle begins with the byte before the value.
        return min((hit + 1 for hit in hits if hit >= 0), default=None)

    def _start(self, begin: int, hit: int) -> int:
        """Return where the record around a hit begins; one begins at `begin`."""
        quotes = self._quotes(begin, hit)
        start = hit
        while (feed := self._content.rfind(b"\n", begin, start)) >= 0:
            quotes -= self._quotes(feed, start)
            if quotes % 2 == 0:
                return feed + 1
            start = feed
        return begin

    def _quotes(self, begin: int, end: int) -> int:
        """Count the quotes in a range of bytes, without those that are escaped."""
        if self._escape is None:
            return self._count(self._quote, begin, end)
        return sum(
            self._escaped.sub(b"", piece).count(self._quote)
            for piece in self._pieces(begin, end)
        )

    def _count(self, byte: bytes, begin: int, end: int) -> int:
        return sum(piece.count(byte) for piece in self._pieces(begin, end))

    def _pieces(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield a range of bytes in pieces that do not end with an escape character."""
        escape = self._escape
        while begin < end:
            stop = min(begin + _PIECE, end)
            while escape and stop < end and self._content[stop - 1 : stop] == escape:
                stop += 1
            yield self._content[begin:stop]
            begin = stop

    def _record(self, start: int) -> tuple[list[str], int]:
        """Return the values of the record that begins at `start`, and its end."""
        end = start

        def lines() -> Iterator[str]:
            nonlocal end
            while end < len(self._content):
                begin = end
                end = self._content.find(b"\n", begin) + 1 or len(self._content)
                yield self._content[begin:end].decode(self._dialect.encoding)

        reader = csv.reader(lines(), strict=True, **self._dialect.for_csv)
        return next(reader, []), end
