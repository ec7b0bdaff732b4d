"""Subtract two sorted text files line by line, in constant memory.

The result is a difference whatever the order of the lines: a line of the old file is
equal to one of the new, or is in `only_old`, and the other way round. If both are
sorted by the key, as files of one feed are, the difference is the smallest. This module
imports only the standard library, so that its memory can be measured.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

Key = Callable[[bytes], tuple[object, ...]]
_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Lines:
    """How many lines were read of each file, its header not counted."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Form:
    """The part of a dialect that decides where the key of a line is.

    Attributes:
        delimiter: one character between fields.
        quote: one character around a field.
        escape: what is before a quote inside a field.
    """

    delimiter: str
    quote: str
    escape: str

    def key(self, places: Sequence[int], whole: Sequence[bool]) -> Key:
        """Return a function that reads the key of a line, ordered as the file.

        Args:
            places: the key's columns, counted from 0, in the order of the sort.
            whole: for each, whether it is a whole number; else it is text.
        """
        doubled = self.escape == self.quote
        delimiter, quote = self.delimiter.encode(), self.quote.encode()
        last = max(places) + 1
        chosen = tuple(zip(places, whole, strict=True))

        def split(line: bytes) -> list[bytes]:
            fields = line.rstrip(b"\r\n").split(delimiter, last)[:last]
            if not any(quote in field for field in fields):
                return fields
            try:
                (read,) = csv.reader(
                    [line.decode()],
                    delimiter=self.delimiter,
                    quotechar=self.quote,
                    doublequote=doubled,
                    escapechar=None if doubled else self.escape,
                    strict=True,
                )
            except csv.Error as error:
                raise ValueError(f"not a record: {error}") from None
            return [field.encode() for field in read]

        def key(line: bytes) -> tuple[object, ...]:
            fields = split(line)
            if len(fields) < last:
                raise ValueError(f"expected {last} fields or more in {line[:80]!r}")
            # UTF-8 bytes sort as the database sorts text.
            return tuple(
                int(fields[place]) if number else fields[place]
                for place, number in chosen
            )

        return key


def subtract(
    old: Path, new: Path, only_old: Path, only_new: Path, header: bool, key: Key
) -> Lines:
    """Write the lines of `old` that `new` lacks, and those of `new` that `old` lacks.

    Args:
        old: a file with one record on each line.
        new: a file of the same form, sorted in the same way.
        only_old: the file to make, with the header of `new` if it has one.
        only_new: the other file to make; changed lines of a key are in both.
        header: whether the first line names the columns.
        key: reads the key of a line, ordered as the files are.

    Raises:
        ValueError: a line has no key, so it is not a record. Compare the files in
            another way.
    """
    with (
        old.open("rb", buffering=_BUFFER) as olds,
        new.open("rb", buffering=_BUFFER) as news,
        only_old.open("wb", buffering=_BUFFER) as old_part,
        only_new.open("wb", buffering=_BUFFER) as new_part,
    ):
        if header:
            olds.readline()
            line = news.readline()
            old_part.write(line)
            new_part.write(line)
        return _merge(olds, news, old_part, new_part, key)


def _merge(
    olds: BinaryIO, news: BinaryIO, old_part: BinaryIO, new_part: BinaryIO, key: Key
) -> Lines:
    """Walk both files once; lines of one key that differ go to both sides."""
    same = left = right = 0
    while True:
        before, after, same = _skip(olds, news, same)
        while before != after:  # at the end of a file its line is empty
            order = _order(before, after, key)
            if order <= 0:
                old_part.write(before)
                left += 1
            if order >= 0:
                new_part.write(after)
                right += 1
            if order <= 0:
                before = olds.readline()
            if order >= 0:
                after = news.readline()
        if not before:
            return Lines(same + left, same + right)
        same += 1


def _skip(olds: BinaryIO, news: BinaryIO, same: int) -> tuple[bytes, bytes, int]:
    """Skip equal lines. Nearly all lines are equal, so this loop is the whole cost."""
    pairs = zip_longest(olds, news, fillvalue=b"")
    for before, after in pairs:
        if before != after:
            return before, after, same
        same += 1
    return b"", b"", same


def _order(before: bytes, after: bytes, key: Key) -> int:
    """Return -1 if `before` comes first, 1 if `after` does, 0 if they share a key."""
    if not before or not after:
        return -1 if before else 1
    left, right = key(before), key(after)
    return -1 if left < right else int(left > right)
