"""The file of the ledger: each line has the hash of the line before.

`ledger.head`, beside `ledger.jsonl`, has the number of lines after the last append and
the hash of the last line. It is written after the line, so after a crash it may lag
behind, but it is never ahead. If it is ahead, lines were cut off or changed. This
detects accidents, not an attacker, who could rewrite both files.
"""

import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from runtime import formats
from runtime.exits import WHAT_TO_FREE, Refused, Temporary
from runtime.failpoints import failpoint
from runtime.files import sync_folder, write_json
from runtime.log import LOG

Record = Mapping[str, Any]
START = "0" * 64
_DECODE = msgspec.json.Decoder(dict[str, Any]).decode


class Chain:
    """The lines of one file, verified when they are read, appended durably.

    Attributes:
        records: the record of each line, oldest first, up to the first wrong line.
        broken: the first wrong line and what was expected there; "" if there is none.
        last: the SHA-256 of the last line.
        torn: size and SHA-256 of the incomplete record that a crash left at the end;
            None if the last line is complete.
    """

    def __init__(self, path: Path, index: Callable[[Record], object]) -> None:
        """Read `path`; call `index` for each record, now and at every append.

        Raises:
            Refused: ledger.head is not what was written to it, or a newer version
                wrote it.
        """
        self.records: list[Record] = []
        self.broken = ""
        self.torn: dict[str, Any] | None = None
        self._path, self._index = path, index
        self.last, self._end = START, 0
        # The head is read first: a reader without the lock must not see a head that is
        # ahead of the lines it reads.
        head = self._head()
        if path.exists():
            self._read(head)
        count = len(self.records)
        if not self.broken and head["records"] > count:
            self.broken = (
                f"line {count + 1}: expected {head['records']:,} records, by "
                f"ledger.head, found {count:,}: the last ones were cut off"
            )

    def _head(self) -> Mapping[str, Any]:
        path = self._path.with_name("ledger.head")
        try:
            head = json.loads(path.read_bytes())
            formats.check("ledger", head, path)
            return {"records": int(head["records"]), "sha256": str(head["sha256"])}
        except FileNotFoundError:
            return {"records": 0, "sha256": START}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refused(
                f"{path}: expected the number of records and the hash of the last one, "
                "found something else. Restore it from a copy, with ledger.jsonl."
            ) from None

    def _read(self, head: Mapping[str, Any]) -> None:
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                record = _record(line)
                if record is None and _left_by_a_crash(line, lines):
                    # Its append never returned, so nobody acted on this record.
                    self.torn = _torn(line)
                    return
                if record is None or record["previous"] != self.last:
                    self.broken = (
                        f"line {number}: expected a record that follows the line "
                        "before it, found another"
                    )
                    return
                self._keep(record, line)
                if number == head["records"] and self.last != head["sha256"]:
                    self.broken = (
                        f"line {number}: expected the record whose hash ledger.head "
                        "has, found another"
                    )
                    return

    def _keep(self, record: Record, line: bytes) -> None:
        self.records.append(record)
        self._end += len(line)
        if not line.endswith(b"\n"):
            # Only the line end is missing: the record is kept, and the next append
            # writes the line end.
            line += b"\n"
            self.torn = _torn(b"")
        self.last = hashlib.sha256(line).hexdigest()
        self._index(record)

    def append(self, fields: Mapping[str, Any]) -> Record:
        """Write a record and its line end, durably; return it as it will be read.

        Raises:
            Refused: the chain is broken.
            Temporary: the disk does not take it; the file is as it was.
        """
        self.raise_if_broken()
        text = json.dumps(
            {**fields, "previous": self.last},
            ensure_ascii=False,
            sort_keys=True,
            default=str,
        )
        line = text.encode() + b"\n"
        lead = b"\n" if self.torn and self.torn["bytes"] == 0 else b""
        with _signals_deferred():
            try:
                failpoint(f"before-append:{fields['event']}")
                self._write(lead + line)
            except OSError as error:
                raise Temporary(
                    f"{self._path}: expected to append a record, found: {error}. "
                    f"Nothing was recorded. {WHAT_TO_FREE} It goes on from what is "
                    "recorded."
                ) from None
            self._end += len(lead)
            self.torn = None
            record = _DECODE(line)
            self._keep(record, line)
            self._write_head()
        return record

    def raise_if_broken(self) -> None:
        """Raise if a line is not what was once written, or if lines are missing.

        Raises:
            Refused: names the line, and what to do.
        """
        if self.broken:
            raise Refused(
                f"{self._path}, {self.broken}. The file was edited, cut or damaged: "
                "restore it from a copy, with ledger.head. Until then nothing can be "
                "delivered."
            )

    def _write(self, content: bytes) -> None:
        new = not self._path.exists()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.ftruncate(handle, self._end)
            try:
                at = self._end
                while content:
                    # A full disk writes less than it is asked to.
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
            head = {
                "format": formats.VERSIONS["ledger"],
                "records": len(self.records),
                "sha256": self.last,
            }
            write_json(self._path.with_name("ledger.head"), head)
        except OSError as error:
            # The record is written; a head that lags behind is not wrong.
            LOG.warning("not written", path="ledger.head", because=error)


def _record(line: bytes) -> Record | None:
    try:
        record = _DECODE(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return record if {"event", "previous"} <= record.keys() else None


def _left_by_a_crash(line: bytes, rest: Iterator[bytes]) -> bool:
    """Return whether a crash left this line: it has no end, or is the last, with zeros.

    After a power cut the end of a line can be on the disk, and zeros in its middle.
    """
    return not line.endswith(b"\n") or (b"\0" in line and next(rest, None) is None)


def _torn(line: bytes) -> dict[str, Any]:
    return {"bytes": len(line), "sha256": hashlib.sha256(line).hexdigest()}


@contextmanager
def _signals_deferred() -> Iterator[None]:
    """Deliver signals only after the block.

    After a signal between the write and the update of `_end`, the next append would
    overwrite the line. A signal mask is not enough: other threads would get the signal.
    """
    arrived: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield  # Python runs signal handlers only in the main thread
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
