"""A file of the right name and size is not taken for ours if its bytes are others.

ProFTPD offers one algorithm at a time: the ledger knows SHA-256 alone, by any other
the package is asked. Nothing of an attempt but its open intent is left on our side.
"""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from delivering import CONTENT, destination
from servers import Server
from servers.fixtures import Start

from publish.deliver import reconcile
from publish.transport import connect
from publish.transport.connection import Connection
from runtime.exits import Refused
from store.ledger import Ledger

NAME = "feed.csv"
PART = f"{NAME}.run-1.part"
OTHER = b"x" + CONTENT[1:]
ALGORITHMS = ("sha256", "sha512", "sha1", "md5", "crc32")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.jsonl")


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    return path


def left_open(ledger: Ledger, placing: bool = True) -> None:
    """Write what a process leaves that dies in its rename, or before it."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    item = {"name": NAME, "part": PART, "bytes": len(CONTENT), "sha256": digest}
    ledger.append(
        "intent", attempt="run-1", feed="feed", destination="onpart", folder="",
        name=NAME, rename="replace", items=[item],
    )  # fmt: skip
    if placing:
        ledger.append("placing", attempt="run-1", feed="feed")


def settled(ledger: Ledger, to: Server, package: Path) -> str:
    """Do what the next run does first; return how the attempt ended."""

    def open_(name: str, folder: str) -> Connection:
        return connect(destination(to), folder)

    def locate(intent: Any, name: str) -> Path:
        return package

    reconcile.reconcile_open(ledger, open_, "feed", locate)
    return str(ledger.all()[-1]["event"])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_other_bytes_under_its_name_are_not_a_delivery(
    ledger: Ledger, feed: Path, server: Start, algorithm: str
) -> None:
    to = server("proftpd", hashes=algorithm)
    to.lay(NAME, OTHER)
    left_open(ledger)
    with pytest.raises(Refused, match="is unknown: neither it nor its part"):
        settled(ledger, to, feed)
    assert ledger.all()[-1]["event"] == "unknown"
    assert (to.names(), (to.folder / NAME).read_bytes()) == ([NAME], OTHER)


@pytest.mark.parametrize("placing", [True, False], ids=["placing", "sending"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_part_of_other_bytes_never_gets_the_name(
    ledger: Ledger, feed: Path, server: Start, algorithm: str, placing: bool
) -> None:
    to = server("proftpd", hashes=algorithm)
    to.lay(NAME, b"old")
    to.lay(PART, OTHER)
    left_open(ledger, placing)
    assert settled(ledger, to, feed) == "failed"
    assert (to.names(), (to.folder / NAME).read_bytes()) == ([NAME], b"old")


@pytest.mark.parametrize("name", [NAME, PART])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_our_bytes_are_recognised_by_any_hash(
    ledger: Ledger, feed: Path, server: Start, algorithm: str, name: str
) -> None:
    to = server("proftpd", hashes=algorithm)
    to.lay(name, CONTENT)
    left_open(ledger)
    assert settled(ledger, to, feed) == "delivered"
    assert to.names() == [NAME]


@pytest.mark.parametrize("changed", [True, False], ids=["changed", "gone"])
def test_what_cannot_be_compared_is_not_taken_for_ours(
    ledger: Ledger,
    feed: Path,
    server: Start,
    changed: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """If the package were hashed as it is now, its change would be found there too."""
    to = server("proftpd", hashes="md5")
    to.lay(NAME, OTHER if changed else CONTENT)
    left_open(ledger)
    if changed:
        feed.write_bytes(OTHER)
    else:
        feed.unlink()
    with caplog.at_level("WARNING", "feeds"), pytest.raises(Refused, match="unknown"):
        settled(ledger, to, feed)
    (record,) = caplog.records
    assert "the server hashes by MD5, and" in record.fields["because"]


def test_the_ledger_alone_knows_sha256(
    ledger: Ledger, feed: Path, server: Start
) -> None:
    to = server("proftpd", hashes="sha256")
    to.lay(NAME, CONTENT)
    left_open(ledger)
    feed.unlink()
    assert settled(ledger, to, feed) == "delivered"
