"""The ledger keeps every record, and refuses a file that was changed."""

import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT
from conftest import Command

from runtime.exits import Refused
from store.ledger import START, Ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger.jsonl"


def fields(**more: object) -> dict[str, object]:
    return {"feed": "f", "destination": "d", "split": None, **more}


def test_each_line_has_the_hash_of_the_line_before(path: Path) -> None:
    ledger = Ledger(path)
    for number in range(3):
        ledger.append("held", number=number, words="ünï\n")
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    assert json.loads(lines[0])["previous"] == START
    for before, after in itertools.pairwise(lines):
        assert json.loads(after)["previous"] == hashlib.sha256(before).hexdigest()
    assert [record["number"] for record in Ledger(path).all()] == [0, 1, 2]


def test_an_incomplete_last_line_is_cut_off_and_recorded(path: Path) -> None:
    ledger = Ledger(path)
    ledger.append("held", number=1)
    whole, head = path.read_bytes(), path.with_name("ledger.head").read_bytes()
    ledger.append("held", number=2, words="longer than what is written over it" * 9)
    content = path.read_bytes()
    for cut in range(len(whole) + 1, len(content) - 1, 7):
        path.write_bytes(content[:cut])
        path.with_name("ledger.head").write_bytes(head)
        again = Ledger(path)
        assert [record["number"] for record in again.all()] == [1]
        again.append("held", number=3)
        (repair,) = Ledger(path).all("repaired")
        torn = content[len(whole) : cut]
        assert (repair["bytes"], repair["sha256"]) == (
            len(torn),
            hashlib.sha256(torn).hexdigest(),
        )
        assert [record["number"] for record in Ledger(path).all("held")] == [1, 3]


def test_a_record_without_its_line_end_is_kept(path: Path) -> None:
    ledger = Ledger(path)
    ledger.append("held", number=1)
    head = path.with_name("ledger.head").read_bytes()
    ledger.append("held", number=2)
    path.write_bytes(path.read_bytes()[:-1])
    path.with_name("ledger.head").write_bytes(head)
    again = Ledger(path)
    assert [record["number"] for record in again.all()] == [1, 2]
    again.append("held", number=3)
    assert [r["event"] for r in Ledger(path).all()] == [
        "held", "held", "repaired", "held",
    ]  # fmt: skip


def test_a_last_line_with_zeros_is_cut_off_like_after_a_power_cut(path: Path) -> None:
    ledger = Ledger(path)
    ledger.append("held", number=1)
    path.write_bytes(path.read_bytes() + b"\0" * 100 + b'"previous": "x"}\n')
    assert [record["number"] for record in Ledger(path).all()] == [1]
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(Refused, match="line 2"):
        Ledger(path)


@pytest.mark.parametrize(
    ("records_left", "line"), [(2, 3), (1, 2), (0, 1)], ids=["one", "two", "all"]
)
def test_a_ledger_whose_end_was_cut_off_is_refused(
    path: Path, records_left: int, line: int
) -> None:
    ledger = Ledger(path)
    for number in range(3):
        ledger.append("held", number=number)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:records_left]))
    with pytest.raises(Refused, match=f"line {line}: expected 3 records"):
        Ledger(path)


def test_an_edit_of_the_last_line_is_refused(path: Path) -> None:
    ledger = Ledger(path)
    ledger.append("held", word="one")
    ledger.append("held", word="one")
    content = path.read_bytes()
    path.write_bytes(content[:-99] + content[-99:].replace(b"one", b"two"))
    with pytest.raises(Refused, match="line 2: expected the record whose hash"):
        Ledger(path)
    path.write_bytes(content)
    path.with_name("ledger.head").write_text("{}")
    with pytest.raises(Refused, match=r"ledger.head: expected the number of records"):
        Ledger(path)


@pytest.mark.parametrize("room", [1, 100, 250])
def test_an_append_to_a_full_disk_changes_nothing(
    path: Path, command: Command, room: int
) -> None:
    """The kernel refuses the write in the middle of a line."""
    ledger = Ledger(path)
    ledger.append("held", number=1, words="x" * 500)
    before = path.read_bytes()
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from store.ledger import Ledger; from runtime.exits import Temporary\n"
        "ledger = Ledger(Path(sys.argv[1])); most = int(sys.argv[2])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))\n"
        "try: ledger.append('held', number=2, words='y' * 500)\n"
        "except Temporary as error: sys.exit(str(error))\n"
    )
    done = command(sys.executable, "-c", script, path, len(before) + room)
    assert (done.returncode, "Nothing was recorded" in done.stderr) == (1, True), done
    assert path.read_bytes() == before
    Ledger(path).append("held", number=3)
    assert [record["number"] for record in Ledger(path).all()] == [1, 3]


@pytest.mark.parametrize("seed", range(10))
def test_a_kill_loses_at_most_the_record_that_is_written(path: Path, seed: int) -> None:
    """A child appends as fast as it can, and prints how many records are durable."""
    script = (
        "import sys; from pathlib import Path; from store.ledger import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1])); n = len(ledger.all('held'))\n"
        "while True:\n"
        "    ledger.append('held', number=n, words='z' * 3000); n += 1\n"
        "    sys.stdout.write(f'{n}\\n'); sys.stdout.flush()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        printed = [child.stdout.readline() for _ in range(1 + 3 * seed)]
        child.kill()
        printed += child.stdout.readlines()
    durable = int(printed[-1])
    numbers = [record["number"] for record in Ledger(path).all("held")]
    assert numbers == list(range(len(numbers)))
    assert durable <= len(numbers) <= durable + 1
    Ledger(path).append("held", number=len(numbers))


def test_a_long_ledger_is_read_completely(path: Path) -> None:
    path.parent.mkdir()
    previous = START
    with path.open("wb") as lines:
        for number in range(10_000):
            event = ("intent", "placing", "delivered")[number % 3]
            more = fields(sha256="0" * 64, period="p", file="f", receipt={})
            record = {"attempt": f"a{number // 3}", "event": event, **more}
            text = json.dumps({**record, "previous": previous}, sort_keys=True)
            lines.write(line := text.encode() + b"\n")
            previous = hashlib.sha256(line).hexdigest()
    ledger = Ledger(path)
    assert [r["attempt"] for r in ledger.open_intents("f")] == ["a3333"]
    assert ledger.last_delivered("f", "d") is not None
    assert ledger.same_bytes_delivered("d", "f", "p", "1" * 64) is None


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


def test_open_unknown_and_last_deliveries(path: Path) -> None:
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


@pytest.mark.parametrize("end", ["delivered", "nothing"])
def test_an_approval_is_used_up_by_one_delivery_or_nothing(
    path: Path, end: str
) -> None:
    ledger = Ledger(path)
    assert ledger.approval("f.a", "aa") is None
    ledger.append("approved", feed="f", file="f.a", sha256="aa")
    assert ledger.approval("f.a", "aa") is not None
    assert ledger.approval("f.a", "bb") is None
    # Deltas without rows have the same bytes in every term.
    assert ledger.approval("f.b", "aa") is None
    ledger.append(end, **fields(file="f.b", sha256="aa", attempt="1"))
    assert ledger.approval("f.a", "aa") is not None
    ledger.append(end, **fields(file="f.a", sha256="aa", attempt="2"))
    assert ledger.approval("f.a", "aa") is None


def test_a_signal_is_deferred_until_the_line_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file and the records in memory stay the same."""
    ledger = Ledger(path)
    contents = []
    fsync = os.fsync

    def ring(handle: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        contents.append(path.read_bytes())
        fsync(handle)

    class Signalled(Exception):  # noqa: N818
        pass

    def raise_it(number: int, frame: object) -> None:
        raise Signalled

    before = signal.signal(signal.SIGTERM, raise_it)
    try:
        monkeypatch.setattr(os, "fsync", ring)
        with pytest.raises(Signalled):
            ledger.append("held", number=1)
    finally:
        signal.signal(signal.SIGTERM, before)
        monkeypatch.undo()
    assert len(contents) >= 1
    ledger.append("held", number=2)
    assert [record["number"] for record in Ledger(path).all()] == [1, 2]
