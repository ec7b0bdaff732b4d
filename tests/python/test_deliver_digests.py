"""Hashes as servers write them, and sizes and modes in their listings."""

import hashlib
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from publish.transport import Digest
from publish.transport.connection import Entry
from publish.transport.digests import ALGORITHMS, ByteHasher, Sent, blocks
from publish.transport.ftp_files import (
    digest_in_reply,
    facts_of,
    find_in_list,
    hash_offered,
    time_of,
)
from runtime.exits import Refused

# Its CRC-32 begins with a zero, which servers leave out.
CONTENT = next(text for n in range(1000) if zlib.crc32(text := b"a%d" % n) < 1 << 24)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_sent_is_hashed_by_the_servers_algorithm(algorithm: str) -> None:
    hasher = ByteHasher(algorithm)
    for byte in CONTENT:
        hasher.add(bytes([byte]))
    sent = hasher.sent()
    named = algorithm.replace("-", "").lower()
    expected = (
        f"{zlib.crc32(CONTENT):X}"
        if algorithm == "CRC32"
        else hashlib.new(named, CONTENT).hexdigest().upper()
    )
    assert (sent.bytes, sent.sha256) == (
        len(CONTENT),
        hashlib.sha256(CONTENT).hexdigest(),
    )
    assert sent.agrees(Digest.parse(algorithm, expected)) is True
    other = "1" * len(expected)
    assert sent.agrees(Digest.parse(algorithm, other)) is False


def test_a_hash_of_another_algorithm_cannot_be_compared() -> None:
    sent = Sent(1, hashlib.sha256(b"x").hexdigest())
    assert sent.agrees(Digest.parse("MD5", hashlib.md5(b"x").hexdigest())) is None


@pytest.mark.parametrize("text", ["00ABCDEF", "abcdef", "0abcdef", "ABCDEF"])
def test_a_crc_is_a_number(text: str) -> None:
    assert Digest.parse("CRC32", text) == Digest.parse("CRC32", "00abcdef")


_SHA = "50" * 32


@pytest.mark.parametrize(
    ("reply", "algorithm", "value"),
    [
        ("213 SHA-256 0-9 " + _SHA + " a.csv", "SHA-256", _SHA),
        ("213-Computing\n213 SHA-256 0-9 " + _SHA.upper() + " a.csv", "SHA-256", _SHA),
        ("250-Computing SHA256 digest\n250 " + _SHA, "SHA-256", _SHA),
        ("250 " + _SHA + " " + _SHA, "SHA-256", _SHA),
        ("250-Computing CRC32 digest\n250 0CDC1683", "CRC32", "cdc1683"),
        ("250 CDC1683", "CRC32", "cdc1683"),
        ("213 CRC32 0-100 5e0e5d8f deadbeef", "CRC32", "5e0e5d8f"),
        ("250 0", "CRC32", "0"),
    ],
)
def test_a_hash_is_found_in_a_reply(reply: str, algorithm: str, value: str) -> None:
    name = "deadbeef" if "deadbeef" in reply else "a.csv"
    assert digest_in_reply(reply, algorithm, name) == Digest(algorithm, value)


def test_a_reply_without_a_hash_has_none() -> None:
    assert digest_in_reply("250 done.", "MD5", "a.csv") is None


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({}, (None, "")),
        ({"HASH": "SHA-1*;SHA-256;MD5"}, ("SHA-256", "HASH")),
        ({"HASH": "sha-1;MD5*;"}, ("SHA-1", "HASH")),
        ({"HASH": "CRC32", "XMD5": ""}, ("MD5", "XMD5")),
        ({"XCRC": "filename"}, ("CRC32", "XCRC")),
    ],
)
def test_the_strongest_hash_is_chosen(
    features: dict[str, str], expected: tuple[str | None, str]
) -> None:
    assert hash_offered(features) == expected


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("-rw-r--r--   1 feeds    64999      320000 Nov 21 23:31 a b.csv", 320000),
        ("-rw-r--r--+  1 feeds    users           0 Jan  1  2025 a b.csv", 0),
        ("01-15-26  06:00AM             1234 a b.csv", 1234),
        ("01-15-2026  16:00             12 a b.csv", 12),
        ("drwxr-xr-x   2 feeds    64999        4096 Nov 21 23:31 a b.csv", None),
        ("-rw-r--r--   1 feeds    64999      9 Nov 21 23:31 x a b.csv", None),
        ("total 12", None),
    ],
)
def test_a_size_is_found_in_a_listing(line: str, size: int | None) -> None:
    entry = find_in_list([line], "a b.csv")
    assert (entry.bytes if entry else None) == size


@pytest.mark.parametrize(
    ("rights", "mode"),
    [("rw-------", "0600"), ("rwxr-x--T", "0750"), ("rwSr-sr-x", "0655")],
)
def test_a_mode_is_found_in_a_listing(rights: str, mode: str) -> None:
    line = f"-{rights}   1 feeds    64999      320000 Nov 21 23:31 a.csv"
    entry = find_in_list([line], "a.csv")
    assert entry is not None
    assert entry.mode == mode


def test_a_listing_that_is_not_understood_is_an_error() -> None:
    with pytest.raises(LookupError):
        find_in_list(["A B.CSV;1   12/24  a b.csv"], "a b.csv")


def test_facts_of_a_listing() -> None:
    moment = datetime(2026, 1, 15, 6, 0, tzinfo=UTC)
    line = " Type=file;Size=12;Modify=20260115060000.25;UNIX.mode=0644; /in/a b.csv"
    assert facts_of(line) == Entry("a b.csv", 12, moment, "0644")
    assert facts_of("size=1; a") == Entry("a", 1, None)
    assert facts_of("type=dir;modify=20260115060000; in") is None
    assert facts_of("type=cdir; .") is None
    assert time_of("20261399000000") is None


def test_a_file_of_ours_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"cannot read .*gone"):
        list(blocks(tmp_path / "gone"))
