"""What each fault does: to the page that is read, to a row, to the whole response."""

import gzip
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate

from sandbox.http_server import Response, error_response
from sandbox.jsontext import (
    array_of,
    elements,
    members,
    object_of,
    with_member,
    without_member,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, at the requests `first` to `last` of `where`.

    `where` is an endpoint, a record type, `endpoint/type`, or "" for all requests;
    `last` is None for no end.
    """

    spec: str
    where: str
    first: int
    last: int | None
    name: str
    value: str = ""
    options: dict[str, str] = field(default_factory=dict)

    def is_due(self, number: int) -> bool:
        """Return whether it happens at request `number`, counted from 1 in `where`."""
        return self.first <= number and (self.last is None or number <= self.last)


_MIB = 2**20
_LOGIN = b"<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>"
# What a careless server puts into an error: the credentials, and somebody's text.
_ECHO = json.dumps(
    {"Message": "sandbox-token \x1b[31m\nforged \u202e 12:00:00 info delivered"}
).encode()
_GZIP = {"Content-Encoding": "gzip"}
_REASONS = {
    401: "Not authenticated",
    403: "You do not have rights to perform this operation",
    404: "Not found",
    429: "Too many requests",
    500: "An error has occurred",
    503: "Service unavailable",
}

# The page that is served in place of the requested one: how far from it.
_OTHER_PAGE = {"repeat": -1, "skip": +1}

# The rows of the page.
_PAGE: dict[str, Callable[[list[str], str], list[str]]] = {
    "empty": lambda rows, _: [],
    "short": lambda rows, _: rows[: len(rows) // 2],
    "cap": lambda rows, most: rows[: int(most)],
}

# The first row: its text and the fault's value.
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
    """Change the first object of a list; `name` is the member that holds it."""
    texts = elements(dict(members(row))[name])
    return with_member(row, name, array_of([*map(change, texts[:1]), *texts[1:]]))


def _status(fault: Fault, validation_key: str) -> Response:
    status = int(fault.name)
    response = error_response(status, _REASONS.get(status, "The request is invalid"))
    if status == 409:
        result = {validation_key: "Name", "Message": "Name is required", "Value": ""}
        response.body = json.dumps([result]).encode()
    if "retry-after" in fault.options:
        response.headers["Retry-After"] = fault.options["retry-after"]
    return response


def _half(response: Response, value: str) -> Response:
    body = response.whole_body()
    return replace(response, body=body[: len(body) // 2])


def _huge(response: Response, value: str) -> Response:
    # Valid JSON with blanks behind it: only a limit on the size can refuse it.
    body, megabytes = response.whole_body(), int(value or 1024)
    chunks = (body if number == 0 else b" " * _MIB for number in range(megabytes + 1))
    return replace(response, body=chunks, length=len(body) + megabytes * _MIB)


def _gzip_bomb(response: Response, value: str) -> Response:
    # A gzip file may have many members, one after the other: 1 KB per MB of blanks.
    body = gzip.compress(response.whole_body())
    body += gzip.compress(b" " * _MIB) * int(value or 1024)
    return replace(response, body=body, headers=response.headers | _GZIP)


def _miscount(response: Response, value: str) -> Response:
    text = response.whole_body().decode()
    if text.startswith("{"):
        return _add_to_member(response, "total", value)
    return replace(response, body=str(int(text) + int(value)).encode())


def _add_to_member(response: Response, name: str, value: str) -> Response:
    text = response.whole_body().decode()
    number = int(dict(members(text))[name]) + int(value)
    return replace(response, body=with_member(text, name, str(number)).encode())


def _date(response: Response, value: str) -> Response:
    """Send another Date: so many seconds from ours, or a text that is no date."""
    date = value
    if re.fullmatch(r"[+-]\d+", value):
        date = formatdate(time.time() + int(value), usegmt=True)
    return replace(response, headers=response.headers | {"Date": date})


# The whole response: as it would have been, and the fault's value.
_WHOLE: dict[str, Callable[[Response, str], Response]] = {
    "html": lambda response, _: Response(200, _LOGIN, content_type="text/html"),
    "envelope": lambda response, _: replace(
        response, body=b'{"value":' + response.whole_body() + b"}"
    ),
    "blank": lambda response, _: replace(response, body=b""),
    "half": _half,
    "date": _date,
    "echo": lambda response, _: Response(500, _ECHO),
    "latin1": lambda response, _: replace(
        response, body=b'{"data":[{"name":"caf\xe9"}]}'
    ),
    "twice": lambda response, _: replace(
        response, body=b'{"data":[],' + response.whole_body()[1:]
    ),
    "huge": _huge,
    "gzip-bomb": _gzip_bomb,
    "cut": lambda response, _: replace(response, ending="cut"),
    "reset": lambda response, _: replace(response, ending="reset"),
    "hang": lambda response, _: replace(response, ending="hang"),
    "slow": lambda response, value: replace(response, drip_seconds=float(value or 2)),
    "miscount": _miscount,
    "mispage": lambda response, value: _add_to_member(response, "page", value or "+1"),
}

NAMES = frozenset([*_OTHER_PAGE, *_PAGE, *_ROW, *_WHOLE, "shift"])
# The values that a fault takes, as a pattern and an example; others take none.
VALUES = {
    **dict.fromkeys(("retype", "missing", "null", "extra"), (r"\w+", "Price")),
    **dict.fromkeys(("nan", "bignumber", "deep"), (r"\w*", "Price")),
    **dict.fromkeys(("huge", "gzip-bomb"), (r"\d{0,6}", "1024")),
    "date": (r"[^:]+", "+86400"),
    "cap": (r"\d{1,4}", "100"),
    "slow": (r"(\d+(\.\d+)?)?", "0.5"),
    "duplicate-keys": (r"\w*", "catalog_items"),
    "miscount": (r"[+-]?\d+", "-3"),
    "mispage": (r"([+-]?\d+)?", "+1"),
    "shift": (r"(\+1|-1)?", "+1"),
}


def served_page(fault: Fault | None, page: int) -> int:
    """Return the number of the page that is served when `page` is asked for."""
    return max(1, page + _OTHER_PAGE.get(fault.name, 0)) if fault else page


def corrupt_rows(fault: Fault | None, rows: list[str]) -> list[str]:
    """Damage the rows of a page, each a JSON object as text.

    A fault that is not about rows changes nothing.
    """
    if fault and fault.name in _PAGE:
        return _PAGE[fault.name](rows, fault.value)
    if fault and fault.name in _ROW and rows:
        return [_ROW[fault.name](rows[0], fault.value), *rows[1:]]
    return rows


def corrupt_response(fault: Fault, response: Response, validation_key: str) -> Response:
    """Replace or damage a whole response.

    Args:
        fault: its name may be an HTTP status.
        response: as it would have been.
        validation_key: spelling in the body of a 409.
    """
    if fault.name.isdigit():
        return _status(fault, validation_key)
    if fault.name in _WHOLE:
        return _WHOLE[fault.name](response, fault.value)
    return response
