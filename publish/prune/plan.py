"""Which pieces go and which stay, each with its reason; nothing is touched here."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from publish.prune.inventory import Key, Piece
from runtime.environment import Environment
from runtime.exits import Misuse

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Keep:
    """What retention keeps.

    Attributes:
        days: younger than this stays.
        runs: so many of the newest of each file and each source stay.
        size: bytes that all of it may take; None for no limit.
    """

    days: int
    runs: int
    size: int | None

    @classmethod
    def of(cls, variables: Environment) -> "Keep":
        """Read FEEDS_KEEP_DAYS (730), FEEDS_KEEP_RUNS (30), FEEDS_KEEP_SIZE (none)."""
        return cls(
            variables.count("FEEDS_KEEP_DAYS", 730, 0, 100_000),
            variables.count("FEEDS_KEEP_RUNS", 30, 1),
            _bytes(variables.optional("FEEDS_KEEP_SIZE")),
        )

    def since(self, now: datetime) -> datetime:
        """Return the time from which on everything stays."""
        return now - timedelta(days=self.days)

    @property
    def rule(self) -> str:
        """The rule as a sentence."""
        size = f", at most {self.size:,} bytes" if self.size is not None else ""
        return f"{self.days:,} days and the newest {self.runs:,} runs{size}"


def _bytes(text: str | None) -> int | None:
    if text is None:
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise Misuse(f"FEEDS_KEEP_SIZE must be a size such as 50GB, but is {text!r}.")
    number, prefix, binary = match.groups()
    base = 1024 if binary else 1000
    return int(float(number) * base ** " KMGT".index(prefix.upper() or " "))


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes and what stays: pieces with the reason."""

    go: tuple[tuple[Piece, str], ...]
    stay: tuple[tuple[Piece, str], ...]


def decide(
    pieces: Sequence[Piece], needed: Mapping[Key, str], keep: Keep, now: datetime
) -> Plan:
    """Decide for every piece.

    Args:
        pieces: oldest first.
        needed: from `needs.of`.
        keep: the policy.
        now: UTC.
    """
    soft = _reasons_of_age(pieces, keep, now)
    going = {
        _key(piece): f"beyond {keep.rule}"
        for piece in pieces
        if piece.kind == "package"
        and _key(piece) not in needed
        and _key(piece) not in soft
    }
    uses = Counter(
        need
        for piece in pieces
        if piece.kind == "package" and _key(piece) not in going
        for need in piece.needs
    )
    for piece in pieces:
        key = _key(piece)
        if piece.kind != "package" and not (key in needed or key in soft or uses[key]):
            going[key] = f"beyond {keep.rule}"
    if keep.size is not None:
        _make_room(pieces, needed, going, uses, keep.size)
    return Plan(
        tuple((p, going[_key(p)]) for p in pieces if _key(p) in going),
        tuple(
            (p, _why(_key(p), needed, uses, soft))
            for p in pieces
            if _key(p) not in going
        ),
    )


def _make_room(
    pieces: Sequence[Piece],
    needed: Mapping[Key, str],
    going: dict[Key, str],
    uses: Counter[Key],
    size: int,
) -> None:
    """Let the oldest go before their time, a package with what only it needs."""
    by_key = {_key(piece): piece for piece in pieces}
    total = sum(piece.bytes for piece in pieces if _key(piece) not in going)
    because = f"to fit into FEEDS_KEEP_SIZE, {size:,} bytes"

    def drop(piece: Piece) -> int:
        key = _key(piece)
        if key in going or key in needed or uses[key]:
            return 0
        going[key] = because
        uses.subtract(piece.needs)
        freed = [by_key[need] for need in piece.needs if need in by_key]
        return piece.bytes + sum(drop(each) for each in freed)

    for piece in pieces:
        if total <= size:
            return
        total -= drop(piece)


def _reasons_of_age(
    pieces: Sequence[Piece], keep: Keep, now: datetime
) -> Mapping[Key, str]:
    """Say what is young, or among the newest runs of its file or source."""
    reasons: dict[Key, str] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for piece in reversed(pieces):
        seen[piece.kind, piece.group] += 1
        if piece.at >= keep.since(now):
            reasons[_key(piece)] = f"it is of the last {keep.days:,} days"
        elif piece.kind != "state" and seen[piece.kind, piece.group] <= keep.runs:
            reasons[_key(piece)] = f"it is of the newest {keep.runs:,} runs"
    return reasons


def _why(
    key: Key, needed: Mapping[Key, str], uses: Counter[Key], soft: Mapping[Key, str]
) -> str:
    if key in needed:
        return needed[key]
    return "a package that is kept was made of it" if uses[key] else soft[key]


def _key(piece: Piece) -> Key:
    return piece.kind, piece.name
