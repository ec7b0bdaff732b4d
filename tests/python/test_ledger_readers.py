"""The ledger has two readers, `store.ledger` and the verifier of packages: they agree.

The verifier has code of its own, so that an error of one shows in the other. Here both
read what crashes, power cuts and edits leave of a ledger.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from publish.package import verify
from runtime.exits import Refused
from store.ledger import Ledger

RECORDS = 4


class Reading(NamedTuple):
    """Records up to the first wrong line; whether that is an error, or a crash's."""

    records: int
    broken: bool
    torn: bool


def read(path: Path) -> Reading:
    """Read the ledger; only a broken one is refused by who wants to append."""
    ledger = Ledger.read(path)
    if ledger.broken:
        with pytest.raises(Refused, match="restore it from a copy"):
            Ledger(path)
        with pytest.raises(Refused, match="restore it from a copy"):
            ledger.append("held")
    else:
        assert Ledger(path).all() == ledger.all()
    return Reading(len(ledger.all()), bool(ledger.broken), ledger.torn)


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


def edits(content: bytes) -> Iterator[bytes]:
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


def test_a_ledger_after_a_crash_is_torn_and_not_broken(path: Path) -> None:
    readings: Counter[Reading] = Counter()
    for content in crashes(path.read_bytes()):
        path.write_bytes(content)
        reading = read(path)
        assert verify.check_ledger(path, []) == [], content
        readings[reading] += 1
    # Where only the line end is missing, the record is kept.
    assert readings.keys() == {
        Reading(RECORDS - 1, False, True),
        Reading(RECORDS, False, True),
    }
    assert readings.total() > 200


def test_an_edited_ledger_is_broken_to_both(path: Path) -> None:
    for content in edits(path.read_bytes()):
        path.write_bytes(content)
        assert read(path).broken, content
        assert path.read_bytes() == content
        assert verify.check_ledger(path, []), content


def test_a_complete_ledger_is_neither(path: Path) -> None:
    assert read(path) == Reading(RECORDS, False, False)
    assert verify.check_ledger(path, []) == []
