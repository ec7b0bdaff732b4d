"""The ledger forgets nothing, and notices when somebody helps it to."""

import hashlib
import itertools
import json
import os
import signal
from pathlib import Path

import pytest

from publish.ledger import START, Ledger
from runtime.exits import Refused


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger.jsonl"


def fields(**more: object) -> dict[str, object]:
    return {"feed": "f", "destination": "d", "split": None, **more}


def test_each_line_carries_the_hash_of_the_line_before(path: Path) -> None:
    ledger = Ledger(path)
    for number in range(3):
        ledger.append("held", number=number, words="ünï\n")
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    assert json.loads(lines[0])["previous"] == START
    for before, after in itertools.pairwise(lines):
        assert json.loads(after)["previous"] == hashlib.sha256(before).hexdigest()
    assert [record["number"] for record in Ledger(path).all()] == [0, 1, 2]


def test_a_torn_last_line_is_seen_and_written_over(path: Path) -> None:
    ledger = Ledger(path)
    ledger.append("held", number=1)
    whole = path.read_bytes()
    ledger.append("held", number=2, words="longer than what is written over it" * 9)
    for cut in range(len(whole) + 1, len(path.read_bytes()), 7):
        content = path.read_bytes()
        path.write_bytes(content[:cut])
        again = Ledger(path)
        assert [record["number"] for record in again.all()] == [1]
        again.append("held", number=3)
        assert [record["number"] for record in Ledger(path).all()] == [1, 3]
        path.write_bytes(content)


@pytest.mark.parametrize(
    "edit",
    [
        lambda lines: [lines[0].replace(b"one", b"two"), *lines[1:]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [lines[0], b"not json\n", *lines[1:]],
        lambda lines: [lines[0], b"[]\n", *lines[1:]],
    ],
    ids=["edited", "first gone", "middle gone", "swapped", "garbage", "list"],
)
def test_an_edited_ledger_is_refused(path: Path, edit: object) -> None:
    ledger = Ledger(path)
    for _ in range(3):
        ledger.append("held", word="one")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(edit(lines)))  # type: ignore[operator]
    with pytest.raises(Refused, match=r"line \d: expected a record that follows"):
        Ledger(path)


def test_what_is_open_unknown_and_last(path: Path) -> None:
    ledger = Ledger(path)
    for attempt, end in (
        ("1", "delivered"),
        ("2", "failed"),
        ("3", "unknown"),
        ("4", ""),
    ):
        ledger.append("intent", **fields(attempt=attempt, sha256=attempt))
        if end:
            ledger.append(end, **fields(attempt=attempt, sha256=attempt))
    assert [record["attempt"] for record in ledger.open_intents("f")] == ["4"]
    assert ledger.open_intents("other") == []
    assert [record["attempt"] for record in ledger.unknown("f")] == ["3"]
    last = ledger.last_delivered("f", "d")
    assert last is not None
    assert last["attempt"] == "1"
    assert ledger.last_delivered("f", "elsewhere") is None
    assert ledger.last_delivered("f", "d", "2025") is None


def test_an_approval_is_used_up_by_one_delivery(path: Path) -> None:
    ledger = Ledger(path)
    assert ledger.approval("f", "aa") is None
    ledger.append("approved", feed="f", sha256="aa")
    assert ledger.approval("f", "aa") is not None
    assert ledger.approval("f", "bb") is None
    assert ledger.approval("other", "aa") is None
    ledger.append("delivered", **fields(sha256="aa", attempt="1"))
    assert ledger.approval("f", "aa") is None


def test_a_signal_waits_until_the_line_is_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the file says and what we know of it never part."""
    ledger = Ledger(path)
    seen = []
    fsync = os.fsync

    def ring(handle: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        seen.append(path.read_bytes())
        fsync(handle)

    class Rung(Exception):  # noqa: N818
        pass

    def raise_it(number: int, frame: object) -> None:
        raise Rung

    before = signal.signal(signal.SIGTERM, raise_it)
    try:
        monkeypatch.setattr(os, "fsync", ring)
        with pytest.raises(Rung):
            ledger.append("held", number=1)
    finally:
        signal.signal(signal.SIGTERM, before)
        monkeypatch.undo()
    assert len(seen) >= 1
    ledger.append("held", number=2)
    assert [record["number"] for record in Ledger(path).all()] == [1, 2]
