"""Append-only memory of what was delivered: each line carries the hash of the last.

Events of one delivery share its `attempt`:

    intent      before the first byte: what will be sent, where, under which names
    placing     before the first rename: from here on the partner may see the file
    delivered   after the last check; this one append commits the delivery
    failed      surely nothing of it stands under its name, and no part of it is left
    unknown     nobody can say; a person must look

Beside them stand `held` and `approved`, which name a digest; `nothing`, why there is no
file; `observed`, what a look at the partner's folder showed; `repaired`, that a torn
line was cut off. Times are UTC. `seconds` says how long the steps of a file took:
render, judge, package, and of a delivery deliver, the try that did it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runtime.failpoints import failpoint
from store.chain import START, Chain, Record

__all__ = ["START", "Ledger", "Record"]
_OUTCOMES = ("delivered", "failed", "unknown")


class Ledger:
    """The records of one data directory; hold its lock to append."""

    def __init__(self, path: Path) -> None:
        """Read and verify `path` in one pass; a missing file is an empty ledger.

        Raises:
            Refused: a line is not what was once written, or lines are missing.
        """
        self._by_event: dict[str, list[Record]] = {}
        self._by_attempt: dict[str, list[Record]] = {}
        self._chain = Chain(path, self._index)

    def append(self, event: str, **fields: Any) -> Record:
        """Write one record durably before returning it.

        Raises:
            Temporary: it could not be written; the file is as it was.
        """
        if self._chain.torn:
            torn = self._chain.torn
            self._chain.append({"event": "repaired", "at": _now(), **torn})
        record = self._chain.append({"event": event, "at": _now(), **fields})
        failpoint(f"after-append:{event}")
        return record

    def _index(self, record: Record) -> None:
        self._by_event.setdefault(record["event"], []).append(record)
        if attempt := record.get("attempt"):
            self._by_attempt.setdefault(attempt, []).append(record)

    def all(self, *events: str) -> list[Record]:
        """Return the records of some events, or of all, oldest first."""
        if len(events) == 1:
            return list(self._by_event.get(events[0], ()))
        chosen = set(events)
        return [
            record
            for record in self._chain.records
            if not chosen or record["event"] in chosen
        ]

    def attempt(self, attempt: str) -> list[Record]:
        """Return what was recorded of one delivery."""
        return list(self._by_attempt.get(attempt, ()))

    def outcome(self, attempt: str) -> Record | None:
        """Return the last outcome of an attempt, None while it has none."""
        for record in reversed(self._by_attempt.get(attempt, ())):
            if record["event"] in _OUTCOMES:
                return record
        return None

    def open_intents(self, feed: str | None = None) -> list[Record]:
        """Return deliveries, of one feed or of all, whose end was never recorded."""
        return [
            record
            for record in self._by_event.get("intent", ())
            if feed in (None, record["feed"]) and not self.outcome(record["attempt"])
        ]

    def unknown(self, feed: str) -> list[Record]:
        """Return the deliveries of a feed whose end nobody can tell."""
        return [
            record
            for record in self._by_event.get("unknown", ())
            if record["feed"] == feed and self.outcome(record["attempt"]) is record
        ]

    def last_delivered(
        self, feed: str, destination: str, split: str | None = None
    ) -> Record | None:
        """Return the newest delivery to a destination, of one split value if given."""
        for record in reversed(self._by_event.get("delivered", ())):
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
        for record in reversed(self._by_event.get("delivered", ())):
            if (record["state"]["model"], record["destination"], record["split"]) == (
                model,
                destination,
                split,
            ):
                return record
        return None

    def twin(
        self, destination: str, file: str, period: str, sha256: str
    ) -> Record | None:
        """Return the delivery of these very bytes for this period, if there was one."""
        sought = (destination, file, period, sha256)
        for record in reversed(self._by_event.get("delivered", ())):
            found = (record["destination"], record["file"], record["period"])
            if (*found, record["sha256"]) == sought:
                return record
        return None

    def approval(self, file: str, sha256: str) -> Record | None:
        """Return the release of these bytes of a file that is not used up.

        A delivery uses it up, and so does the word that none is needed: every delta
        without rows has the same bytes.
        """
        found = None
        for record in self.all("approved", "delivered", "nothing"):
            if record["file"] == file and record["sha256"] == sha256:
                found = record if record["event"] == "approved" else None
        return found


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
