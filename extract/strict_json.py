"""JSON read strictly: what only a broken or hostile server sends is refused."""

import json
from typing import Any

from runtime.exits import Refused

MAX_DIGITS = 100
MAX_DEPTH = 64


def parse(body: bytes) -> Any:
    """Read JSON strictly; numbers become text.

    Args:
        body: UTF-8 JSON.

    Raises:
        ValueError: it is not JSON: perhaps cut, perhaps another page altogether.
        Refused: it is JSON that no sound server sends: a key twice in one object,
            NaN or Infinity, a number of more than 100 digits, nesting beyond 64.
    """
    try:
        value = json.loads(
            body,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_number,
            parse_float=_number,
        )
    except RecursionError:
        raise Refused(_TOO_DEEP) from None
    if _depth(body) > MAX_DEPTH:
        raise Refused(_TOO_DEEP)
    return value


_TOO_DEEP = f"hostile JSON: expected at most {MAX_DEPTH} levels of nesting, found more."
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _depth(body: bytes) -> int:
    """The nesting of a body: innermost pairs are taken away until none is left."""
    depth = 0
    brackets = body.translate(None, _NO_BRACKETS)
    while depth <= MAX_DEPTH:
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            break  # empty, or brackets in a text that have no partner
        brackets, depth = fewer, depth + 1
    return depth


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused(
            f"hostile JSON: the key {twice[:80]!r} stands twice in an object."
        )
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
