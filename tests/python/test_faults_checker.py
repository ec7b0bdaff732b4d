"""The judge of the crash harness is itself put to the test: it must see every fault."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.checker import Traces, after_a_run, in_the_end

OLD = {"m.json": b"old manifest", "f.csv": b"old feed"}
NEW = {"m.json": b"new manifest", "f.csv": b"new feed"}
SECRET = "s3cret-of-the-partner"
LOG = 'OK RENAME: Client "127.0.0.1", "/f.csv.1.part /f.csv"\n'


def records(*events: tuple[str, str]) -> list[dict[str, Any]]:
    digest = hashlib.sha256(NEW["f.csv"]).hexdigest()
    return [{"event": e, "attempt": a, "sha256": digest} for e, a in events]


def write(path: Path, content: list[dict[str, Any]]) -> None:
    previous, lines = "0" * 64, b""
    for record in content:
        line = json.dumps({**record, "previous": previous}).encode() + b"\n"
        previous = hashlib.sha256(line).hexdigest()
        lines += line
    path.write_bytes(lines)


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    folder, data = tmp_path / "partner", tmp_path / "data"
    folder.mkdir()
    data.mkdir()
    for name, content in NEW.items():
        (folder / name).write_bytes(content)
    ledger = data / "ledger.jsonl"
    write(ledger, records(("intent", "1"), ("placing", "1"), ("delivered", "1")))
    return Traces(folder, ledger, data, OLD, NEW, LOG, (SECRET,), outputs=[b"fine"])


def test_a_good_end_is_not_blamed(traces: Traces) -> None:
    assert after_a_run(traces, 0) + in_the_end(traces) == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: (s.folder / "f.csv").unlink(), "last good: f.csv is gone"),
        (lambda s: (s.folder / "f.csv").write_bytes(b"new"), "3 strange bytes"),
        (lambda s: (s.folder / "f.csv").write_bytes(OLD["f.csv"]), "but the new file"),
        (
            lambda s: write(s.ledger, records(("intent", "1"), ("failed", "1"))),
            "says failed, but it is there",
        ),
        (
            lambda s: s.ledger.write_bytes(
                s.ledger.read_bytes().replace(b"1", b"2", 1)
            ),
            "does not follow",
        ),
    ],
)
def test_what_is_wrong_after_a_run_is_seen(
    traces: Traces, spoil: Callable[[Traces], object], words: str
) -> None:
    spoil(traces)
    assert words in "\n".join(after_a_run(traces, 0))


@pytest.mark.parametrize(("code", "wrong"), [(2, True), (75, False), (-11, True)])
def test_an_exit_code_that_tells_nothing_is_seen(
    traces: Traces, code: int, wrong: bool
) -> None:
    assert (f"truthful: exit {code}" in after_a_run(traces, code)) is wrong


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: (s.folder / "f.csv.1.part").touch(), "litter: ['f.csv'"),
        (lambda s: (s.data / ".x.part").touch(), "litter at home"),
        (lambda s: (s.folder / "m.json").write_bytes(b"old manifest"), "convergence"),
        (lambda s: setattr(s, "log", LOG * 2), "server renamed 2 times"),
        (lambda s: setattr(s, "log", ""), "server renamed 0 times"),
        (
            lambda s: write(s.ledger, records(("delivered", "1"), ("delivered", "2"))),
            "the ledger has 2 deliveries",
        ),
        (
            lambda s: write(s.ledger, records(("delivered", "1"), ("intent", "2"))),
            "open in the end ['2']",
        ),
        (lambda s: s.outputs.append(SECRET.encode()), "secret in output"),
        (lambda s: (s.data / "x.json").write_text(SECRET), "secret in x.json"),
        (
            lambda s: s.outputs.append(b"czNjcmV0LW9mLXRoZS1wYXJ0bmVy"),
            "secret in output",
        ),
    ],
)
def test_what_is_wrong_in_the_end_is_seen(
    traces: Traces, spoil: Callable[[Traces], object], words: str
) -> None:
    spoil(traces)
    assert words in "\n".join(in_the_end(traces))
