"""Append-only memory of what was delivered: each line carries the hash of the last.

Events of one delivery share its `attempt`:

    intent      before the first byte: what will be sent, where, under which names
    placing     before the first rename: from here on the partner may see the file
    delivered   after the last check; this one append commits the delivery
    failed      surely nothing of it stands under its name
    unknown     nobody can say; a person must look

Beside them stand `held` and `approved`, which name a digest. Times are UTC.
"""

import hashlib
import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runtime.command import LOG
from runtime.exits import Refused
from runtime.files import sync_folder

Record = Mapping[str, Any]
START = "0" * 64
_OUTCOMES = ("delivered", "failed", "unknown")


class Ledger:
    """The records of one data directory; hold its lock."""

    def __init__(self, path: Path) -> None:
        """Read and verify `path`; a missing file is an empty ledger.

        Raises:
            Refused: a line is not what was once written.
        """
        self._path = path
        self._records: list[Record] = []
        self._last = START
        self._end = 0
        content = path.read_bytes() if path.exists() else b""
        for number, line in enumerate(content.splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                # Only an append cut short by a crash leaves no line end; what it
                # would have said was never acted upon.
                LOG.warning(f"ledger torn last line={number} bytes={len(line)}")
                break
            self._take(line, number)

    def _take(self, line: bytes, number: int) -> None:
        try:
            record = json.loads(line)
            chained = record["previous"] == self._last
        except (ValueError, KeyError, TypeError):
            chained = False
        if not chained:
            raise Refused(
                f"{self._path}, line {number}: expected a record that follows the line "
                "before it, found another. The file was edited or damaged: restore it "
                "from a copy. Until then nothing can be delivered."
            )
        self._records.append(record)
        self._last = hashlib.sha256(line).hexdigest()
        self._end += len(line)

    def append(self, event: str, **fields: Any) -> Record:
        """Write one record durably before returning it."""
        record = {
            "event": event,
            "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            **fields,
            "previous": self._last,
        }
        text = json.dumps(record, ensure_ascii=False, sort_keys=True, default=str)
        line = text.encode() + b"\n"
        new = not self._path.exists()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with _undisturbed():
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                # A torn line, if there is one, ends here.
                os.ftruncate(handle, self._end)
                os.pwrite(handle, line, self._end)
                os.fsync(handle)
            finally:
                os.close(handle)
            if new:
                sync_folder(self._path.parent)
            self._take(line, len(self._records) + 1)
        return self._records[-1]

    def all(self, *events: str) -> list[Record]:
        """Return the records of some events, or of all, oldest first."""
        return [
            record
            for record in self._records
            if not events or record["event"] in events
        ]

    def attempt(self, attempt: str) -> list[Record]:
        """Return what was recorded of one delivery."""
        return [r for r in self._records if r.get("attempt") == attempt]

    def outcomes(self) -> dict[str, Record]:
        """Return the last outcome of every attempt that has one."""
        return {record["attempt"]: record for record in self.all(*_OUTCOMES)}

    def open_intents(self, feed: str | None = None) -> list[Record]:
        """Return deliveries, of one feed or of all, whose end was never recorded."""
        ended = self.outcomes()
        return [
            record
            for record in self.all("intent")
            if record["attempt"] not in ended and feed in (None, record["feed"])
        ]

    def unknown(self, feed: str) -> list[Record]:
        """Return the deliveries of a feed whose end nobody can tell."""
        return [
            record
            for record in self.outcomes().values()
            if record["event"] == "unknown" and record["feed"] == feed
        ]

    def last_delivered(
        self, feed: str, destination: str, split: str | None = None
    ) -> Record | None:
        """Return the newest delivery to a destination, of one split value if given."""
        for record in reversed(self.all("delivered")):
            if (record["feed"], record["destination"]) == (feed, destination) and (
                split is None or record["split"] == split
            ):
                return record
        return None

    def last_settled(
        self, feed: str, destination: str, split: str | None = None
    ) -> Record | None:
        """Return the newest delivery, or the newest word that none was needed."""
        for record in reversed(self.all("delivered", "nothing")):
            if (record["feed"], record["destination"]) == (feed, destination) and (
                split is None or record["split"] == split
            ):
                return record
        return None

    def last_state(
        self, model: str, destination: str, split: str | None
    ) -> Record | None:
        """Return the newest delivery, by any feed, that set what a partner holds."""
        for record in reversed(self.all("delivered")):
            if (record["state"]["model"], record["destination"], record["split"]) == (
                model,
                destination,
                split,
            ):
                return record
        return None

    def approval(self, feed: str, sha256: str) -> Record | None:
        """Return the release of these bytes that no delivery has used up."""
        found = None
        for record in self.all("approved", "delivered"):
            if record["feed"] == feed and record["sha256"] == sha256:
                found = record if record["event"] == "approved" else None
        return found


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
