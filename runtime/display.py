"""Text on its way to a person: secrets are masked, controls are escaped.

Texts from outside (a server's reply, a name in a record) may hold escape sequences,
line breaks or marks that change the direction of writing. On a terminal or in a log
they would look like lines of ours.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

_MASK = "***"
# Shorter values appear in ordinary words.
_SHORTEST = 4
_SHORTEST_BASE64 = 6

_secrets: set[str] = set()
_pattern = re.compile(r"(?!)")


def hide(secrets: Iterable[str]) -> None:
    """Mask these values in everything that is shown from now on, encoded ones too."""
    global _pattern
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            _secrets.update(_forms(secret))
    if _secrets:
        longest_first = sorted(_secrets, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, longest_first)))


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and as URLs, JSON, HTML and base64 write it."""
    from html import escape

    yield secret
    for percent in (quote(secret), quote(secret, safe="")):
        yield from (percent, re.sub("%..", lambda code: code[0].lower(), percent))
    yield json.dumps(secret)[1:-1]
    yield escape(secret)
    # AUTH and Authorization send more in the same base64, such as the user before it.
    # Of each of the three ways to begin, these letters depend on the secret alone.
    octets = secret.encode()
    yield b64encode(octets).decode()
    for before in range(3):
        text = b64encode(bytes(before) + octets).decode()
        sure = text[-(-before * 8 // 6) : (before + len(octets)) * 8 // 6]
        if len(sure) >= _SHORTEST_BASE64:
            yield sure


def masked(text: str) -> str:
    """Return the text without the values that `hide` was called with."""
    return _pattern.sub(_MASK, text)


def beginning(text: str | bytes, letters: int) -> str:
    """Return the first letters of a text from outside, with single blanks, masked.

    A secret that is cut would not be recognised, so it is masked before the cut.
    """
    start = text[: 20 * letters]
    if isinstance(start, bytes):
        start = start.decode("utf-8", "replace")
    return " ".join(masked(start).split())[:letters]


def one_line(text: object) -> str:
    r"""Return a text as it may be shown: masked, on one line, `\x1b` for an escape."""
    return _escaped(masked(str(text)), "")


def paragraphs(text: str) -> str:
    """Return a text of several lines of ours as it may be shown."""
    return _escaped(masked(text), "\n")


def json_text(value: Any) -> str:
    """Return a value as JSON on one line as it may be shown."""
    text = json.dumps(_masked_values(value), ensure_ascii=False, default=_text)
    return _replaced(text, lambda letter: json.dumps(letter)[1:-1])


def _text(value: Any) -> str:
    return masked(str(value))


def _masked_values(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {masked(str(name)): _masked_values(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked_values(each) for each in value]
    return value


def _escaped(text: str, allowed: str) -> str:
    def escape(letter: str) -> str:
        return letter if letter in allowed else ascii(letter)[1:-1]

    return _replaced(text, escape)


def _replaced(text: str, escape: Callable[[str], str]) -> str:
    """Replace every letter that is not printable: controls, breaks, direction marks."""
    if text.isprintable():
        return text
    return re.sub(
        r"[^ -~]", lambda m: m[0] if m[0].isprintable() else escape(m[0]), text
    )
