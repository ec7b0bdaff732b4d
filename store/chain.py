"""The file of the ledger: lines that hold on to each other, and what a crash leaves.

Beside `ledger.jsonl` stands `ledger.head`: how many lines there were after the last
append, and the hash of the last one. It is written after the line, so it may lag
behind by a crash, but it never leads: where it does, lines were cut off or changed.
It tells accidents, not an adversary, who could rewrite both files.
"""

import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from runtime.command import LOG
from runtime.exits import Refused, Temporary
from runtime.failpoints import failpoint
from runtime.files import sync_folder, write_json

Record = Mapping[str, Any]
START = "0" * 64
_DECODE = msgspec.json.Decoder(dict[str, Any]).decode


class Chain:
    """The lines of one file, verified as they are read, appended durably.

    Attributes:
        records: what the lines say, oldest first.
        torn: size and hash of what a crash left behind the last whole line; None
            where the file ends well.
    """

    def __init__(self, path: Path, take: Callable[[Record], object]) -> None:
        """Read `path`; `take` is called for each record, now and at every append.

        Raises:
            Refused: a line does not follow the one before it, or some are missing.
        """
        self.records: list[Record] = []
        self.torn: dict[str, Any] | None = None
        self._path, self._take = path, take
        self._last, self._end = START, 0
        # First: whoever reads without the lock must not find it ahead of the lines.
        head = self._head()
        if path.exists():
            self._read(head)
        if head["records"] > len(self.records):
            raise self._broken(
                len(self.records) + 1,
                f"{head['records']:,} records as ledger.head has it, found "
                f"{len(self.records):,}: the last ones were cut off",
            )

    def _head(self) -> Mapping[str, Any]:
        path = self._path.with_name("ledger.head")
        try:
            head = json.loads(path.read_bytes())
            return {"records": int(head["records"]), "sha256": str(head["sha256"])}
        except FileNotFoundError:
            return {"records": 0, "sha256": START}
        except (ValueError, KeyError, TypeError):
            raise Refused(
                f"{path}: expected how many records there are and the hash of the last "
                "one, found something else. Restore it from a copy, with ledger.jsonl."
            ) from None

    def _read(self, head: Mapping[str, Any]) -> None:
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not self._follows(line, lines):
                    self._tear(number, line)
                    break
                if number == head["records"] and self._last != head["sha256"]:
                    raise self._broken(number, "the record whose hash ledger.head has")

    def _follows(self, line: bytes, lines: Iterator[bytes]) -> bool:
        """Take a line; False if it is what a crash left of an append."""
        number = len(self.records) + 1
        try:
            record = _DECODE(line)
            if record["previous"] == self._last:
                self._keep(record, line)
                return True
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
            # A power cut may leave holes of zeros in a line whose end is there.
            if not line.endswith(b"\n") or (
                b"\0" in line and next(lines, None) is None
            ):
                return False
        raise self._broken(number, "a record that follows the line before it")

    def _keep(self, record: Record, line: bytes) -> None:
        whole = line if line.endswith(b"\n") else line + b"\n"
        self.records.append(record)
        self._last = hashlib.sha256(whole).hexdigest()
        self._end += len(line)
        if whole is not line:
            # All of a record but its line end: it is kept, the next append adds it.
            self.torn = {"bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}
        self._take(record)

    def _tear(self, number: int, line: bytes) -> None:
        # Its append never returned, so what it would have said was not acted upon.
        self.torn = {"bytes": len(line), "sha256": hashlib.sha256(line).hexdigest()}
        LOG.warning(
            f"ledger line={number} bytes={len(line)} was cut short by a crash or a "
            "full disk; the next append cuts it off and records that"
        )

    def _broken(self, number: int, expected: str) -> Refused:
        return Refused(
            f"{self._path}, line {number}: expected {expected}, found another. The "
            "file was edited, cut or damaged: restore it from a copy, with "
            "ledger.head. Until then nothing can be delivered."
        )

    def append(self, fields: Mapping[str, Any]) -> Record:
        """Write a record and its line end, durably; return it as it will be read.

        Raises:
            Temporary: the disk does not take it; the file is as it was.
        """
        text = json.dumps(
            {**fields, "previous": self._last},
            ensure_ascii=False,
            sort_keys=True,
            default=str,
        )
        line = text.encode() + b"\n"
        lead = b"\n" if self.torn and self.torn["bytes"] == 0 else b""
        with _undisturbed():
            try:
                failpoint(f"before-append:{fields['event']}")
                self._write(lead + line)
            except OSError as error:
                raise Temporary(
                    f"{self._path}: expected to append a record, found: {error}. "
                    "Nothing was recorded. Make room, then run again: it goes on from "
                    "what is recorded."
                ) from None
            self._end += len(lead)
            self.torn = None
            record = _DECODE(line)
            self._keep(record, line)
            self._write_head()
        return record

    def _write(self, content: bytes) -> None:
        new = not self._path.exists()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.ftruncate(handle, self._end)
            try:
                at = self._end
                while content:
                    # A disk that fills up takes less than it is given.
                    done = os.pwrite(handle, content, at)
                    content, at = content[done:], at + done
                os.fsync(handle)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(handle, self._end)
                raise
        finally:
            os.close(handle)
        if new:
            sync_folder(self._path.parent)

    def _write_head(self) -> None:
        try:
            head = {"records": len(self.records), "sha256": self._last}
            write_json(self._path.with_name("ledger.head"), head)
        except OSError as error:
            # The record stands; a head that lags says less, but nothing wrong.
            LOG.warning(f"ledger.head not written: {error}")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let signals wait until the block is done.

    One that came between the write and our knowing of it would let the next append
    overwrite the line. A mask would not do: other threads would take the signal.
    """
    arrived: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield  # Python runs handlers in the main thread only
        return
    before = {
        number: signal.signal(number, lambda number, _: arrived.append(number))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for first in arrived[:1]:
            signal.raise_signal(first)


JsonRecord = Mapping[str, Any]
_START = "0" * 64
_OUTCOMES = ("delivered", "failed", "unknown")


@dataclass(frozen=True)
class LedgerView:
    """What could be read.

    Attributes:
        records: oldest first, up to the first line that does not follow.
        broken: why the chain does not hold; "" if it does.
        torn: whether a crash left the last line not whole: the next append mends that.
    """

    records: tuple[JsonRecord, ...]
    broken: str
    torn: bool

    @cached_property
    def newest(self) -> Mapping[str, JsonRecord]:
        """The last word on each file: held, delivered or nothing."""
        return {
            record["file"]: record
            for record in self.records
            if record["event"] in ("held", "delivered", "nothing")
        }

    @cached_property
    def outcomes(self) -> Mapping[str, JsonRecord]:
        """How each attempt ended, as far as is known."""
        return {
            record["attempt"]: record
            for record in self.records
            if record["event"] in _OUTCOMES and "attempt" in record
        }

    def of(self, feed: str, *events: str) -> list[JsonRecord]:
        """Return the records of a feed, oldest first."""
        return [
            record
            for record in self.records
            if record.get("feed") == feed and record["event"] in events
        ]

    def released(self, record: JsonRecord) -> bool:
        """Say whether a held file's bytes were approved, and not used up since."""
        found = False
        for other in self.records:
            if (other.get("file"), other.get("sha256")) == (
                record["file"],
                record["sha256"],
            ) and other["event"] in ("approved", "delivered", "nothing"):
                found = other["event"] == "approved"
        return found


def read_ledger(path: Path) -> LedgerView:
    """Read `path`; a missing file is an empty ledger unless its head says otherwise.

    Raises:
        OSError, ValueError: it, or its head, cannot be read.
    """
    # First: whoever reads without the lock must not find it ahead of the lines.
    head = _head(path.with_name("ledger.head"))
    records: list[JsonRecord] = []
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
    return LedgerView(tuple(records), broken, torn)


def _record(line: bytes) -> JsonRecord | None:
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
