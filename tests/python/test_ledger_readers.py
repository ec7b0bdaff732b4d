"""Who reads the ledger reads one thing: publish, monitor and the verifier of packages.

Each has code of its own, so that a mistake of one shows in another. Here all are given
what crashes, power cuts and hands leave of a ledger, and have to agree.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from publish.package import verify
from runtime.exits import Refused
from store import chain as monitored
from store.chain import Chain
from store.ledger import Ledger

RECORDS = 4


class Reading(NamedTuple):
    """Records up to the first fault; whether the chain is broken; whether torn."""

    records: int
    broken: bool
    torn: bool


def by_publish(path: Path) -> Reading:
    taken: list[object] = []
    try:
        chain = Chain(path, taken.append)
    except Refused:
        return Reading(len(taken), True, False)
    return Reading(len(taken), False, chain.torn is not None)


def by_monitor(path: Path) -> Reading:
    found = monitored.read_ledger(path)
    return Reading(len(found.records), bool(found.broken), found.torn)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger whose head lags by a record, as after a crash in its last append."""
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    head = path.with_name("ledger.head")
    for number in range(RECORDS):
        before = head.read_bytes() if head.exists() else b""
        ledger.append("intent", number=number, words="ünï" * 5)
    head.write_bytes(before)
    return path


def crashes(content: bytes) -> Iterator[bytes]:
    """Cut the last line at each byte; leave zeros in it, with and without its end."""
    start = content.rstrip(b"\n").rindex(b"\n") + 1
    yield content[:-1]
    for cut in range(start + 1, len(content), 3):
        yield content[:cut]
        yield content[:cut] + b"\0" * (len(content) - cut)
        yield content[:start] + b"\0" * (cut - start) + content[cut:]
        yield content[:cut] + b"\0" * (len(content) - cut - 1) + b"\n"
    yield content[:start] + b"\0" * 4096 + b"\n"
    yield content[:start] + b"\0"


def hands(content: bytes) -> Iterator[bytes]:
    """Leave out, double, swap, edit a line; zeros where lines follow."""
    lines = content.splitlines(keepends=True)
    for place, line in enumerate(lines[:-1]):
        rest = lines[:place], lines[place + 1 :]
        for other in (b"", line * 2, line.replace(b"intent", b"failed"), b"{}\n", b"\n",
                      b"\0" * len(line) + b"\n", line[:9] + b"\0" * 9 + line[18:],
                      lines[place + 1] + line):  # fmt: skip
            yield b"".join([*rest[0], other, *rest[1]])
    yield content + b"{}\n"
    yield content + lines[-1]
    yield content + lines[-1].rstrip(b"\n")
    yield content + b"not a record\n"
    yield content + b"\0\n\n"


def test_what_a_crash_leaves_is_torn_to_all_and_broken_to_none(path: Path) -> None:
    seen: Counter[Reading] = Counter()
    for content in crashes(path.read_bytes()):
        path.write_bytes(content)
        reading = by_publish(path)
        assert by_monitor(path) == reading, content
        assert verify.check_ledger(path, []) == [], content
        seen[reading] += 1
    # Where only the line end is missing, the record is kept.
    assert seen.keys() == {
        Reading(RECORDS - 1, False, True),
        Reading(RECORDS, False, True),
    }
    assert seen.total() > 200


def test_what_hands_left_is_broken_to_all(path: Path) -> None:
    for content in hands(path.read_bytes()):
        path.write_bytes(content)
        assert by_publish(path).broken, content
        assert by_monitor(path)[:2] == by_publish(path)[:2], content
        assert verify.check_ledger(path, []), content


def test_a_ledger_that_ends_well_is_neither(path: Path) -> None:
    assert by_publish(path) == by_monitor(path) == Reading(RECORDS, False, False)
    assert verify.check_ledger(path, []) == []
