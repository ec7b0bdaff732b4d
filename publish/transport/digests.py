"""Counts and hashes of the bytes that we send, and hashes by the server."""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runtime.exits import Refused

# Strongest first: we ask for the first one that a server offers.
ALGORITHMS = ("SHA-256", "SHA-512", "SHA-1", "MD5", "CRC32")
# A TLS record holds 16 KiB; ftplib's 8 KiB blocks cost half as much CPU again.
BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Digest:
    """A hash in one spelling, so that `==` compares ours and the server's.

    Attributes:
        algorithm: one of `ALGORITHMS`.
        value: lower-case hexadecimal; a CRC without leading zeros, because servers
            write it as a number.
    """

    algorithm: str
    value: str

    @classmethod
    def parse(cls, algorithm: str, text: str) -> "Digest":
        """Read hexadecimal text in any spelling.

        Raises:
            ValueError: it is not hexadecimal.
        """
        if algorithm == "CRC32":
            return cls(algorithm, f"{int(text, 16):x}")
        return cls(algorithm, bytes.fromhex(text).hex())

    def __str__(self) -> str:
        return f"{self.algorithm} {self.value}"


@dataclass(frozen=True, slots=True)
class Sent:
    """Count and hashes of the bytes that were sent.

    Attributes:
        bytes: their number.
        sha256: in hexadecimal.
        other: hash by the server's algorithm, if that is not SHA-256.
    """

    bytes: int
    sha256: str
    other: Digest | None = None

    def agrees(self, digest: Digest) -> bool | None:
        """Say whether a server hashed the same bytes; None if we lack its algorithm."""
        for our_digest in (Digest("SHA-256", self.sha256), self.other):
            if our_digest is not None and our_digest.algorithm == digest.algorithm:
                return our_digest == digest
        return None


class _Hasher(Protocol):
    def update(self, block: bytes, /) -> object: ...
    def hexdigest(self) -> str: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, block: bytes) -> None:
        self._value = zlib.crc32(block, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


def _hasher(algorithm: str) -> _Hasher:
    if algorithm == "CRC32":
        return _Crc32()
    return hashlib.new(algorithm.replace("-", "").lower(), usedforsecurity=False)


class ByteHasher:
    """Counts and hashes blocks, by SHA-256 and by a server's algorithm."""

    def __init__(self, algorithm: str | None = None) -> None:
        self._count = 0
        self._sha256 = hashlib.sha256()
        self._algorithm = algorithm if algorithm != "SHA-256" else None
        self._other = _hasher(self._algorithm) if self._algorithm else None

    @property
    def count(self) -> int:
        """The bytes so far."""
        return self._count

    def add(self, block: bytes) -> None:
        """Count and hash one block."""
        self._count += len(block)
        self._sha256.update(block)
        if self._other is not None:
            self._other.update(block)

    def sent(self) -> Sent:
        """Return count and hashes so far."""
        other = None
        if self._other is not None and self._algorithm is not None:
            other = Digest.parse(self._algorithm, self._other.hexdigest())
        return Sent(self._count, self._sha256.hexdigest(), other)


def hash_file(source: Path, algorithm: str) -> Sent:
    """Count and hash a file of ours as if it were sent.

    Raises:
        Refused: it cannot be read.
    """
    hasher = ByteHasher(algorithm)
    for block in blocks(source):
        hasher.add(block)
    return hasher.sent()


def blocks(source: Path) -> Iterator[bytes]:
    """Read a file of ours in blocks of 64 KiB.

    Raises:
        Refused: it cannot be read, which is not an error of the server.
    """
    try:
        with source.open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                yield block
    except OSError as error:
        raise Refused(f"cannot read {source}: {error.strerror or error}") from None
