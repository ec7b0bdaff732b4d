"""The pattern of a file's name: its fields, filled in and as a regular expression."""

import re
from collections.abc import Iterator, Mapping

_FIELD = re.compile(r"\{(\w+)(?::0>(\d+))?\}")
_EXPRESSIONS = {
    "timestamp": r"(?P<time>\d{8}T\d{6}Z)",
    "date": r"(?P<time>\d{4}-\d\d-\d\d)",
    "split": r"(?P<split>.+)",
    "sequence": r"(?P<sequence>\d+)",
}


def has(pattern: str, field: str) -> bool:
    """Return whether a pattern has a field, such as `split`."""
    return any(name == field for name, _ in parts(pattern))


def parts(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield what a pattern consists of: ("split", "") is a field, ("", "a_") a text.

    Of `{sequence:0>6}` the second is its width, "6".
    """
    end = 0
    for match in _FIELD.finditer(pattern):
        yield "", pattern[end : match.start()]
        yield match[1], match[2] or ""
        end = match.end()
    yield "", pattern[end:]


def fill(pattern: str, values: Mapping[str, str]) -> str:
    """Return a name; a value that is shorter than its width gets zeros in front."""
    return "".join(
        values[name].rjust(int(text or 0), "0") if name else text
        for name, text in parts(pattern)
    )


def expression(pattern: str, environment: str) -> re.Pattern[str]:
    """Return what matches the names of a pattern.

    Its groups are `time`, `split` and `sequence`, where the name has them.
    """
    text, named = "", set[str]()
    for name, literal in parts(pattern):
        known = {"": literal, "environment": environment}
        word = re.escape(known[name]) if name in known else _EXPRESSIONS[name]
        group = re.match(r"\(\?P<(\w+)>", word)
        if group and group[1] in named:
            word = word.replace(f"?P<{group[1]}>", "?:")
        named |= {group[1]} if group else set()
        text += word
    return re.compile(text)
