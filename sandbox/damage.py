"""What each fault does: to the page that is read, to a row, to the whole answer."""

import gzip
import json
from collections.abc import Callable

from sandbox.answer import Answer, message
from sandbox.jsontext import (
    array_of,
    elements,
    members,
    object_of,
    with_member,
    without_member,
)

_MIB = 2**20
_LOGIN = b"<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>"
_REASONS = {
    401: "Not authenticated",
    403: "You do not have rights to perform this operation",
    404: "Not found",
    429: "Too many requests",
    500: "An error has occurred",
    503: "Service unavailable",
}

# Another page than the one asked for: how far away.
OTHER_PAGE = {"repeat": -1, "skip": +1}

# Fewer rows than there are.
_PAGE: dict[str, Callable[[list[str]], list[str]]] = {
    "empty": lambda rows: [],
    "short": lambda rows: rows[: len(rows) // 2],
}

# The first row, given its text and the fault's value.
_ROW: dict[str, Callable[[str, str], str]] = {
    "retype": lambda row, name: with_member(row, name, '"unexpected text"'),
    "null": lambda row, name: with_member(row, name, "null"),
    "missing": without_member,
    "extra": lambda row, name: with_member(row, name, '"a new property"'),
    "nan": lambda row, name: with_member(row, name or "Price", "NaN"),
    "bignumber": lambda row, name: with_member(row, name or "Price", "9" * 5000),
    "deep": lambda row, name: with_member(
        row, name or "Note", "[" * 100_000 + "]" * 100_000
    ),
    "duplicate-keys": lambda row, name: (
        _first_element(row, name, _doubled) if name else _doubled(row)
    ),
}


def _doubled(row: str) -> str:
    return object_of([*members(row), *members(row)[:2]])


def _first_element(row: str, name: str, change: Callable[[str], str]) -> str:
    """Change the first object of the list in a member."""
    texts = elements(dict(members(row))[name])
    return with_member(row, name, array_of([*map(change, texts[:1]), *texts[1:]]))


def _status(status: int, options: dict[str, str], validation_key: str) -> Answer:
    answer = message(status, _REASONS.get(status, "The request is invalid"))
    if status == 409:
        result = {validation_key: "Name", "Message": "Name is required", "Value": ""}
        answer.body = json.dumps([result]).encode()
    if "retry-after" in options:
        answer.headers["Retry-After"] = options["retry-after"]
    return answer


def _html(given: Answer, value: str) -> Answer:
    return Answer(200, _LOGIN, content_type="text/html")


def _envelope(given: Answer, value: str) -> Answer:
    given.body = b'{"value":' + given.whole() + b"}"
    return given


def _blank(given: Answer, value: str) -> Answer:
    given.body = b""
    return given


def _half(given: Answer, value: str) -> Answer:
    body = given.whole()
    given.body = body[: len(body) // 2]
    return given


def _huge(given: Answer, value: str) -> Answer:
    # Valid JSON with blanks behind it: only a limit on the size can refuse it.
    body, megabytes = given.whole(), int(value or 1024)
    given.body = (
        body if number == 0 else b" " * _MIB for number in range(megabytes + 1)
    )
    given.length = len(body) + megabytes * _MIB
    return given


def _gzip_bomb(given: Answer, value: str) -> Answer:
    # A gzip file may be many, one after the other: 1 KB for each MB of blanks.
    body = gzip.compress(given.whole())
    given.body = body + gzip.compress(b" " * _MIB) * int(value or 1024)
    given.headers["Content-Encoding"] = "gzip"
    return given


def _cut(given: Answer, value: str) -> Answer:
    given.ending = "cut"
    return given


def _reset(given: Answer, value: str) -> Answer:
    given.ending = "reset"
    return given


def _hang(given: Answer, value: str) -> Answer:
    given.ending = "hang"
    return given


def _slow(given: Answer, value: str) -> Answer:
    given.drip_seconds = float(value or 2)
    return given


def _miscount(given: Answer, value: str) -> Answer:
    text = given.whole().decode()
    if text.startswith("{"):
        return _moved(given, "total", value)
    given.body = str(int(text) + int(value)).encode()
    return given


def _mispage(given: Answer, value: str) -> Answer:
    return _moved(given, "page", value or "+1")


def _moved(given: Answer, name: str, by: str) -> Answer:
    text = given.whole().decode()
    number = int(dict(members(text))[name]) + int(by)
    given.body = with_member(text, name, str(number)).encode()
    return given


# The answer, given as it would have been, and the fault's value.
_WHOLE: dict[str, Callable[[Answer, str], Answer]] = {
    "html": _html,
    "envelope": _envelope,
    "blank": _blank,
    "half": _half,
    "huge": _huge,
    "gzip-bomb": _gzip_bomb,
    "cut": _cut,
    "reset": _reset,
    "hang": _hang,
    "slow": _slow,
    "miscount": _miscount,
    "mispage": _mispage,
}

NAMES = frozenset([*OTHER_PAGE, *_PAGE, *_ROW, *_WHOLE, "shift"])
# What a fault's value may be, and an example; the others take none.
VALUES = {
    **dict.fromkeys(("retype", "missing", "null", "extra"), (r"\w+", "Price")),
    **dict.fromkeys(("nan", "bignumber", "deep"), (r"\w*", "Price")),
    **dict.fromkeys(("huge", "gzip-bomb"), (r"\d{0,6}", "1024")),
    "slow": (r"(\d+(\.\d+)?)?", "0.5"),
    "duplicate-keys": (r"\w*", "catalog_items"),
    "miscount": (r"[+-]?\d+", "-3"),
    "mispage": (r"([+-]?\d+)?", "+1"),
    "shift": (r"(\+1|-1)?", "+1"),
}


def change_rows(name: str, value: str, rows: list[str]) -> list[str]:
    """Damage the rows of a page, each a JSON object as text.

    Args:
        name: of the fault; one that is not about rows changes nothing.
        value: of the fault, for example a property.
        rows: the page as it is.
    """
    if name in _PAGE:
        return _PAGE[name](rows)
    if name in _ROW and rows:
        return [_ROW[name](rows[0], value), *rows[1:]]
    return rows


def change_answer(
    name: str,
    value: str,
    options: dict[str, str],
    given: Answer,
    validation_key: str,
) -> Answer:
    """Replace or damage a whole answer.

    Args:
        name: of the fault, or an HTTP status.
        value: of the fault, for example a size in MB.
        options: of the fault: `retry-after`.
        given: the answer as it would have been.
        validation_key: spelling in the body of a 409.
    """
    if name.isdigit():
        return _status(int(name), options, validation_key)
    return _WHOLE[name](given, value) if name in _WHOLE else given
