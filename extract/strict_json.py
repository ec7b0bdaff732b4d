"""A strict JSON reader: it refuses what only a broken or hostile server sends.

msgspec checks a page without building objects for fields that it skips. If it finds
an error, the standard library reads the page again to describe the error.
Repeated keys are found when the page is landed. So are nesting and long numbers where
the list has ids: only what no type describes is then searched for them.
"""

import json
import re
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa

from runtime.display import beginning
from runtime.exits import Refused

MAX_DIGITS = 100
MAX_DEPTH = 64

_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")


# Bytes whose keys are counted at once: a processor's cache holds them.
_CHUNK = 2**16
_WIDE_COLON = re.compile(rb'"\s+:')

# More records than any list has. A larger count would be read for days.
MOST_RECORDS = 10**8


class Row(msgspec.Struct, gc=False):
    """The part of a record that is read before landing: its id, if it has one."""

    # A Parquet BIGINT.
    Id: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None = None


_ROWS = msgspec.json.Decoder(list[Row])


def parse_rows(body: bytes) -> list[Row]:
    """Check a page of records and return their ids.

    Args:
        body: UTF-8 JSON: a list of objects.

    Raises:
        ValueError: it is not JSON: it may be cut, or another kind of page.
        Refused: it is hostile, or not a list of objects with whole numbers as Id.
    """
    refuse_other_encodings(body)
    refuse_hostile(body)
    return parse_typed_rows(body)


def parse_typed_rows(body: bytes) -> list[Row]:
    """Check a page that is landed by types, and return the ids of its records.

    Nesting and long numbers are left to landing.

    Raises:
        ValueError, Refused: as `parse_rows`.
    """
    refuse_other_encodings(body)
    try:
        return _ROWS.decode(body)
    except RecursionError:
        refuse_depth(body)
        raise
    except msgspec.ValidationError as error:
        parse(body)
        start = beginning(body, 80)
        raise Refused(
            "expected a list of records with a whole number as Id, of at most 64 bits, "
            f"found {start!r} ({error})."
        ) from None
    except msgspec.DecodeError as error:
        raise undecodable(body, error) from None


def refuse_hostile(body: bytes) -> None:
    """Search sound JSON for deep nesting and long numbers.

    Raises:
        Refused: it has one of them.
    """
    refuse_depth(body)
    # A tenth of the bytes shows whether there can be so many digits.
    if b"0" * (MAX_DIGITS // 10) in body[::10].translate(_DIGITS_TO_ZERO):
        parse(body)  # digits in a text are harmless; in a number they are refused


def undecodable(body: bytes, error: Exception) -> Exception:
    """Return what to raise for a body that msgspec does not decode.

    The standard library reads what msgspec does not, such as half of a surrogate pair
    or a byte order mark. Such a body is complete, so that another attempt cannot help.

    Raises:
        ValueError: it is not JSON: it may be cut.
        Refused: it is hostile.
    """
    parse(body)
    return Refused(f"hostile JSON: {error}; it begins {beginning(body, 80)!r}.")


def parse(body: bytes) -> Any:
    """Read any JSON strictly; numbers become text, so that no digit is lost.

    Args:
        body: UTF-8 JSON.

    Raises:
        ValueError: it is not JSON: it may be cut, or another kind of page.
        Refused: it is JSON that no correct server sends: a repeated key in one object,
            NaN or Infinity, a number of more than 100 digits, nesting beyond 64, bytes
            that are not UTF-8.
    """
    refuse_other_encodings(body)
    refuse_depth(body)
    return json.loads(
        body,
        object_pairs_hook=_object,
        parse_constant=_constant,
        parse_int=_number,
        parse_float=_number,
    )


def count_keys(body: bytes) -> int | None:
    """Count the keys of all objects in JSON text, repeated ones too.

    A quote before a colon ends a key, unless it is escaped within a text.

    Returns:
        None if the text has another form, such as blanks before a colon.
    """
    content = np.frombuffer(body, np.uint8)
    has_escapes = b"\\" in body
    keys = 0
    # The shortest text that ends a key is {"":
    for start in range(0, len(body) - 3, _CHUNK):
        part = content[start : start + _CHUNK + 3]
        colons = part[3:] == ord(":")
        before = part[2:-1]
        if (colons & (before <= ord(" "))).any() and _WIDE_COLON.search(body):
            return None
        ends = colons & (before == ord('"'))
        keys += int(np.count_nonzero(ends))
        if has_escapes:
            escaped = ends & (part[1:-2] == ord("\\"))
            if (escaped & (part[:-3] == ord("\\"))).any():
                return None  # an escaped backslash, or an escaped quote after one
            keys -= int(np.count_nonzero(escaped))
    return keys


def refuse_other_encodings(body: bytes) -> None:
    """Check that a body is UTF-8, as RFC 8259 8.1 asks.

    Raises:
        ValueError: it ends within a character, or is no JSON at all.
        Refused: it has bytes of another encoding.
    """
    if body.isascii() or _is_utf8(body):
        return
    try:
        body.decode()
    except UnicodeDecodeError as error:
        cut = error.end == len(body) and error.reason == "unexpected end of data"
        if cut or body.lstrip()[:1] not in (b"[", b"{"):
            raise ValueError("not UTF-8") from None
        around = body[max(0, error.start - 20) : error.end + 20]
        raise Refused(
            f"hostile JSON: expected UTF-8, found other bytes at {error.start:,}: "
            f"{around!r}."
        ) from None


def _is_utf8(body: bytes) -> bool:
    """Return whether a body is UTF-8; Arrow makes no text of it."""
    ends = pa.py_buffer(np.array([0, len(body)], np.int64))
    text = pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(body))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def parse_count(text: Any) -> int:
    """Return a number of records.

    Args:
        text: what `parse` makes of a number.

    Raises:
        Refused: it is no whole number, or too large.
    """
    if not (isinstance(text, str) and text.isdecimal()) or int(text) > MOST_RECORDS:
        start = beginning(str(text), 60)
        raise Refused(f"expected a count from 0 to {MOST_RECORDS:,}, found {start!r}.")
    return int(text)


def refuse_depth(body: bytes) -> None:
    """Remove innermost pairs of brackets until none is left, to measure the depth.

    Raises:
        Refused: lists and objects nest more than 64 levels deep.
    """
    brackets = body.translate(None, _NO_BRACKETS)
    for _ in range(MAX_DEPTH + 1):
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            return  # empty, or brackets in a text that have no partner
        brackets = fewer
    raise Refused(
        f"hostile JSON: expected at most {MAX_DEPTH} levels of nesting, found more."
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        start = beginning(twice, 80)
        raise Refused(f"hostile JSON: the key {start!r} appears twice in an object.")
    return value


def _constant(name: str) -> Any:
    raise Refused(f"hostile JSON: expected a number, found {name}.")


def _number(digits: str) -> str:
    if len(digits) > MAX_DIGITS:
        raise Refused(
            f"hostile JSON: expected numbers of at most {MAX_DIGITS} digits, "
            f"found one of {len(digits):,}."
        )
    return digits
