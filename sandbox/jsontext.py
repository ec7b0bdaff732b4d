"""JSON objects as text, edited member by member; no digit of a number changes.

`json.loads` and `json.dumps` would turn 12.30 into 12.3 and a 20-digit decimal into
the nearest double. A stand-in must serve the digits of its source.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

# Numbers stay text: int() refuses 5,000 digits, and only their end is needed.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_SPACE = " \t\r\n"


class Verbatim(str):
    """JSON text that `text_of` writes unchanged, not as a string."""

    __slots__ = ()


def text_of(value: Any) -> str:
    """Return the JSON text of `value`, in which a `Verbatim` is JSON text already."""
    if isinstance(value, Verbatim):
        return value
    if isinstance(value, Mapping):
        return object_of([(key, text_of(member)) for key, member in value.items()])
    if isinstance(value, list | tuple):
        return array_of(map(text_of, value))
    return json.dumps(value, ensure_ascii=False)


def members(text: str) -> list[tuple[str, str]]:
    """Split a JSON object into pairs (key, text of the value), in its own order.

    Args:
        text: one valid JSON object.

    Returns:
        One pair per member, also where a key is repeated.
    """
    return list(_walk(text))


def first(text: str, keys: Collection[str]) -> dict[str, str]:
    """Return the text of these members; read no further than the last of them."""
    texts: dict[str, str] = {}
    for key, value in _walk(text):
        if key in keys:
            texts[key] = value
            if len(texts) == len(keys):
                break
    return texts


def _walk(text: str) -> Iterator[tuple[str, str]]:
    at = _skip(text, text.index("{") + 1)
    while text[at] == '"':
        key, at = _DECODER.raw_decode(text, at)
        start = _skip(text, text.index(":", at) + 1)
        _, at = _DECODER.raw_decode(text, start)
        yield key, text[start:at]
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)


def object_of(pairs: list[tuple[str, str]]) -> str:
    """Join (key, text of the value) pairs to the text of a JSON object."""
    return "{" + ",".join(f"{text_of(key)}:{value}" for key, value in pairs) + "}"


def elements(text: str) -> list[str]:
    """Split a JSON array into the texts of its elements."""
    texts = []
    at = _skip(text, text.index("[") + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        texts.append(text[at:end])
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return texts


def array_of(texts: Iterable[str]) -> str:
    """Join JSON texts to the text of a JSON array."""
    return f"[{','.join(texts)}]"


def with_member(text: str, key: str, value: str) -> str:
    """Set one member of a JSON object, in place or at the end.

    Args:
        text: one valid JSON object.
        key: the member's name at the top level.
        value: the JSON text of its new value.

    Returns:
        The object with every other member unchanged.
    """
    pairs = members(text)
    if all(name != key for name, _ in pairs):
        return object_of([*pairs, (key, value)])
    return object_of([(name, value if name == key else old) for name, old in pairs])


def without_member(text: str, key: str) -> str:
    """Remove one member of a JSON object, if it is there."""
    return object_of([pair for pair in members(text) if pair[0] != key])


def without_nulls(text: str) -> str:
    """Remove the members of a JSON object that are null at the top level."""
    return object_of([pair for pair in members(text) if pair[1] != "null"])


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at
