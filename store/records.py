"""Header and trailer records: lines of a file that are no rows, with declared fields.

A record is text with fields in braces: `T{rows:0>9}{sum(price):0>15}`.

    {time:%Y%m%d}       the logical time, UTC, by strftime
    {rows}              number of rows
    {lines}             number of rows, records and the header line
    {sum(column)}       sum of a column of numbers, written as its values are
    {file} {split} {sequence} {environment}

A field can have a width, as text has in Python: `:0>9` is at least nine characters,
zeros in front; `:<9` blanks after it, `:>9` blanks before it.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

_FIELD = re.compile(r"\{([^{}]*)\}")
_PARTS = re.compile(
    r"(?:(?P<name>rows|lines|file|split|sequence|environment)|sum\((?P<sum>\w+)\))"
    r"(?::(?P<fill>.)?(?P<align>[<>])(?P<width>[1-9]\d{0,2}))?"
    r"|time:(?P<format>.+)"
)

EXPECTED = (
    "fields such as {rows}, {lines}, {time:%Y%m%d}, {sum(column)}, {file}, {split}, "
    "{sequence}, {environment}, with a width such as {rows:0>9}"
)


class RunValues(msgspec.Struct, frozen=True):
    """What a record can have of the run: logical time (UTC), environment, names.

    `number` is the sequence number of the file, if its name has one.
    """

    at: datetime
    environment: str
    file: str
    split: str | None = None
    number: int | None = None


def sums(templates: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns that records add up, each once."""
    matches = (_PARTS.fullmatch(field) for field in _fields(templates))
    return tuple(dict.fromkeys(m["sum"] for m in matches if m and m["sum"]))


def wrong(template: str) -> str | None:
    """Return the part of a record that is no field; None if all is well."""
    for field in _fields((template,)):
        if not _PARTS.fullmatch(field):
            return f"{{{field}}}"
    rest = _FIELD.sub("", template)
    return next((mark for mark in "{}" if mark in rest), None)


def has(templates: tuple[str, ...], name: str) -> bool:
    """Return whether a record has a field of this name."""
    matches = (_PARTS.fullmatch(field) for field in _fields(templates))
    return any(match and match["name"] == name for match in matches)


def fill(
    template: str, values: Mapping[str, str], at: datetime
) -> tuple[str, tuple[str, ...]]:
    """Return a record, and its values that are longer than their width.

    Args:
        template: as declared, without `wrong` parts.
        values: text of each field, `sum(column)` for a sum.
        at: the logical time, UTC.
    """
    long: list[str] = []

    def write(match: re.Match[str]) -> str:
        parts = _PARTS.fullmatch(match[1])
        if parts is None:
            return match[0]
        if parts["format"]:
            return at.strftime(parts["format"])
        value = values[parts["name"] or f"sum({parts['sum']})"]
        width = int(parts["width"] or 0)
        if width and len(value) > width:
            long.append(value)
        return padded(value, width, parts["fill"] or " ", parts["align"] or "<")

    return _FIELD.sub(write, template), tuple(long)


def padded(value: str, width: int, fill_: str, align: str) -> str:
    """Return a value with its width; zeros are between the sign and the digits."""
    if align == "<":
        return value.ljust(width, fill_)
    sign = "-" if fill_ == "0" and value.startswith("-") else ""
    return sign + value.removeprefix(sign).rjust(width - len(sign), fill_)


def _fields(templates: tuple[str, ...]) -> Iterator[str]:
    for template in templates:
        yield from _FIELD.findall(template)
