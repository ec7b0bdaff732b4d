"""The ledger, read and verified without its lock: what it says, and whether it holds.

Each line carries the SHA-256 of the line before it; `ledger.head` how many there were
and the last one's hash. Written anew here, so that a mistake in the writer shows; what
is broken and what a crash left is the same to both.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]
_START = "0" * 64
_OUTCOMES = ("delivered", "failed", "unknown")


@dataclass(frozen=True)
class Ledger:
    """What could be read.

    Attributes:
        records: oldest first, up to the first line that does not follow.
        broken: why the chain does not hold; "" if it does.
        torn: whether a crash left the last line not whole: the next append mends that.
    """

    records: tuple[Record, ...]
    broken: str
    torn: bool

    @cached_property
    def newest(self) -> Mapping[str, Record]:
        """The last word on each file: held, delivered or nothing."""
        return {
            record["file"]: record
            for record in self.records
            if record["event"] in ("held", "delivered", "nothing")
        }

    @cached_property
    def outcomes(self) -> Mapping[str, Record]:
        """How each attempt ended, as far as is known."""
        return {
            record["attempt"]: record
            for record in self.records
            if record["event"] in _OUTCOMES and "attempt" in record
        }

    def of(self, feed: str, *events: str) -> list[Record]:
        """Return the records of a feed, oldest first."""
        return [
            record
            for record in self.records
            if record.get("feed") == feed and record["event"] in events
        ]

    def released(self, record: Record) -> bool:
        """Say whether a held file's bytes were approved, and not used up since."""
        found = False
        for other in self.records:
            if (other.get("file"), other.get("sha256")) == (
                record["file"],
                record["sha256"],
            ) and other["event"] in ("approved", "delivered", "nothing"):
                found = other["event"] == "approved"
        return found


def read(path: Path) -> Ledger:
    """Read `path`; a missing file is an empty ledger unless its head says otherwise.

    Raises:
        OSError, ValueError: it, or its head, cannot be read.
    """
    # First: whoever reads without the lock must not find it ahead of the lines.
    head = _head(path.with_name("ledger.head"))
    records: list[Record] = []
    broken, torn, last = "", False, _START
    if path.exists():
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                record = _record(line)
                torn = _left_by_a_crash(line, lines) if record is None else False
                if torn:
                    break
                if record is None or record["previous"] != last:
                    broken = f"line {number} does not follow the one before it"
                    break
                records.append(record)
                torn = not line.endswith(b"\n")  # all of it but its line end
                last = hashlib.sha256(line.removesuffix(b"\n") + b"\n").hexdigest()
                if number == head[0] and last != head[1]:
                    broken = f"line {number} is not the one whose hash ledger.head has"
                    break
    if not broken and head[0] > len(records):
        broken = f"ledger.head counts {head[0]:,} records, {len(records):,} are there"
    return Ledger(tuple(records), broken, torn)


def _record(line: bytes) -> Record | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(found, dict) and {"event", "previous"} <= found.keys()
    return found if whole else None


def _left_by_a_crash(line: bytes, rest: Iterator[bytes]) -> bool:
    """Say so of a line that is no record: it has no end, or is the last and has holes.

    A power cut may leave zeros in the middle of what was written, its end there.
    """
    return not line.endswith(b"\n") or (b"\0" in line and next(rest, None) is None)


def _head(path: Path) -> tuple[int, str]:
    try:
        head = json.loads(path.read_bytes())
    except FileNotFoundError:
        return 0, _START
    return int(head["records"]), str(head["sha256"])
