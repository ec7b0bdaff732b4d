"""Finds exposures whose files could have the same name at the same destination."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any

from runtime.environment import ENVIRONMENTS
from store.feeds import file_names
from store.feeds.travel import Travel

_DIGIT, _DIGITS, _ANY = "\0digit", "\0digits", "\0any"
# One character or more.
_REPEATED = (_DIGITS, _ANY)
_TOKENS = {
    "timestamp": (*[_DIGIT] * 8, "t", *[_DIGIT] * 6, "z"),
    "date": (*[_DIGIT] * 4, "-", *[_DIGIT] * 2, "-", *[_DIGIT] * 2),
    # A value of the split column: any text of one character or more.
    "split": (_ANY,),
    "sequence": (_DIGITS,),
}


def collisions(metas: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield each exposure with another one that could write a file of the same name.

    Names that differ in case only are the same: many servers ignore it.

    Args:
        metas: of exposures without `validate.errors`, by name.
    """
    for one, other in combinations(metas, 2):
        if metas[one]["destination"] == metas[other]["destination"] and any(
            _meet(left, right)
            for environment in ENVIRONMENTS
            for left in _paths(metas[one], environment)
            for right in _paths(metas[other], environment)
        ):
            yield one, other
            yield other, one


def _paths(meta: Mapping[str, Any], environment: str) -> Iterator[tuple[str, ...]]:
    """Yield the path of all that travels."""
    folder = [part for part in meta["folder"].split("/") if part]
    for name in Travel.read(meta).names(meta["file"]):
        path = "/".join([*folder, name]).replace("{environment}", environment)
        yield tuple(_tokens(path))


def _tokens(pattern: str) -> Iterator[str]:
    for field, text in file_names.parts(pattern):
        yield from _TOKENS[field] if field else text.casefold()


def _meet(left: Sequence[str], right: Sequence[str]) -> bool:
    """Return whether one text fits both patterns."""

    @cache
    def rest_meets(i: int, j: int) -> bool:
        if i == len(left) or j == len(right):
            return i == len(left) and j == len(right)
        one, other = left[i], right[j]
        if not _fit(one, other):
            return False
        ends = [(i + 1, j + 1)]
        if one in _REPEATED:
            ends.append((i, j + 1))
        if other in _REPEATED:
            ends.append((i + 1, j))
        return any(rest_meets(*end) for end in ends)

    return rest_meets(0, 0)


def _fit(one: str, other: str) -> bool:
    """Return whether a character fits both tokens; no split value has a slash."""
    if _ANY in (one, other):
        return "/" not in (one, other)
    if {_DIGIT, _DIGITS} & {one, other}:
        digits = (_DIGIT, _DIGITS, *"0123456789")
        return one in digits and other in digits
    return one == other
