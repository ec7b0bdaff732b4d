"""The append-only record of deliveries: each line has the hash of the line before.

Events of one delivery share its `attempt`:

    intent      before the first byte: what will be sent, where, under which names
    placing     before the first rename: from here on the partner may see the file
    delivered   after the last check; this one append commits the delivery
    failed      nothing of it is at the partner, neither the file nor a part of it
    unknown     nobody knows whether it arrived; a person must look

Other events: `held` and `approved`, which name a digest; `confirmed` and `voided`, a
person's confirmations and the end of some (`store.confirmations`); `nothing`, why
there is no file; `paused` and `resumed`, a person's hold and its early end
(`store.holds`); `feedback`, the report of rows that a partner rejected
(`store.feedback`); `trusted`, the key or certificate of a server that a person
accepted; `adopted`, the file that the partner has from elsewhere (`store.adopted`);
`restored`, which files partners have that this ledger does not know
(`store.copies`); `observed`, whether a delivered file was still in the partner's
folder; `pruned`, what was removed; `repaired`, that an incomplete line was cut off.
Times are UTC.
`sha256` and `bytes` are of the content that the gates judged; where it was compressed
or encrypted, `sent` has name, `bytes` and `sha256` of what travels, the format and the
key's fingerprint.
`sequence` is the number that the name of a delivered file has.
`seconds` has the duration of each step of a file: render, judge, package, and for a
delivery deliver, the attempt that succeeded.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from runtime.failpoints import failpoint
from runtime.log import LOG
from store.chain import START, Chain, Record

__all__ = [
    "RUN_ENDS",
    "START",
    "STATE_EVENTS",
    "Ledger",
    "Record",
    "name_at_partner",
]
_OUTCOMES = ("delivered", "failed", "unknown")
# Their field `state` says what a partner has from then on, or what is confirmed.
STATE_EVENTS = ("delivered", "nothing", "confirmed", "voided", "adopted")
RUN_ENDS = ("held", *_OUTCOMES)
_NEWS = ("held", "delivered", "nothing")
# A logical time as run ids have it.
_COMPACT = str.maketrans("", "", "-:")


def name_at_partner(record: Record) -> str:
    """Return the name of a record's file at the partner: a copy has another."""
    return str(record.get("sent", record)["name"])


class Ledger:
    """The records of one data directory; hold its lock to append."""

    def __init__(self, path: Path) -> None:
        """Read and verify `path` in one pass; a missing file is an empty ledger.

        Raises:
            Refused: a line is not what was once written, or lines are missing.
        """
        self._open(path)
        self._chain.raise_if_broken()
        if torn := self._chain.torn:
            LOG.warning(
                "the last line is incomplete",
                path=path,
                bytes=torn["bytes"],
                because="of a crash or a full disk. The next append cuts it off and "
                "records that.",
            )

    @classmethod
    def read(cls, path: Path) -> "Ledger":
        """Read `path` as far as its chain holds; `broken` says where it does not.

        Raises:
            Refused: ledger.head is not what was written to it.
        """
        ledger = cls.__new__(cls)
        ledger._open(path)
        return ledger

    def _open(self, path: Path) -> None:
        self._by_event: dict[str, list[Record]] = {}
        self._by_feed: dict[tuple[str, str | None], list[Record]] = {}
        self._of_feed: dict[str | None, list[Record]] = {}
        self._by_attempt: dict[str, list[Record]] = {}
        self._newest: dict[str | None, dict[str, Record]] = {}
        self._open_intents: dict[str, Record] = {}
        self._chain = Chain(path, self._index)

    @property
    def broken(self) -> str:
        """The first wrong line and what was expected there; "" if there is none."""
        return self._chain.broken

    @property
    def last(self) -> str:
        """The SHA-256 of the last line, as the next record will have it."""
        return self._chain.last

    @property
    def torn(self) -> bool:
        """Whether the last line is incomplete; the next append repairs that."""
        return self._chain.torn is not None

    def append(self, event: str, **fields: Any) -> Record:
        """Write one record durably before returning it.

        Raises:
            Refused: the ledger is broken.
            Temporary: it could not be written; the file is as it was.
        """
        if torn := self._chain.torn:
            self._chain.append({"event": "repaired", "at": _now(), **torn})
        record = self._chain.append({"event": event, "at": _now(), **fields})
        failpoint(f"after-append:{event}")
        return record

    def _index(self, record: Record) -> None:
        event, feed = record["event"], record.get("feed")
        self._by_event.setdefault(event, []).append(record)
        self._by_feed.setdefault((event, feed), []).append(record)
        self._of_feed.setdefault(feed, []).append(record)
        if event in _NEWS and "file" in record:
            self._newest.setdefault(feed, {})[record["file"]] = record
        if attempt := record.get("attempt"):
            self._by_attempt.setdefault(attempt, []).append(record)
            if event == "intent":
                self._open_intents[attempt] = record
            elif event in _OUTCOMES:
                self._open_intents.pop(attempt, None)

    def all(self, *events: str, feed: str | None = None) -> list[Record]:
        """Return the records of some events, or of all, and of a feed; oldest first."""
        if len(events) == 1 and feed is not None:
            return [*self._by_feed.get((events[0], feed), ())]
        if len(events) == 1:
            return [*self._by_event.get(events[0], ())]
        chosen = self._chain.records if feed is None else self._of_feed.get(feed, [])
        return [r for r in chosen if not events or r["event"] in events]

    def newest(self, feed: str | None = None) -> dict[str, Record]:
        """Return for each file its newest record of held, delivered or nothing."""
        if feed is not None:
            return {**self._newest.get(feed, {})}
        return {record["file"]: record for record in self.all(*_NEWS)}

    def by_run(self) -> Mapping[tuple[str, str], tuple[Record, ...]]:
        """Return the records of each run of a file, oldest first, by (file, run id)."""
        runs: dict[tuple[str, str], list[Record]] = {}
        attempts: dict[str, tuple[str, str]] = {}
        for record in self._chain.records:
            run = (record.get("file", ""), record.get("run_id", ""))
            if attempt := record.get("attempt"):
                # Not every record of an attempt names the run.
                run = run if all(run) else attempts.get(attempt, run)
                attempts[attempt] = run
            runs.setdefault(run, []).append(record)
        return {run: tuple(records) for run, records in runs.items() if all(run)}

    def run_order(self) -> Callable[[str, str], tuple[int, str, str]]:
        """Return a sort key of runs, oldest first, that takes file and run id.

        A run stands where the ledger first names it: a clock that was ahead moves no
        run. One without a record, as a dry run, follows the last record that is not
        for a later time than its own.
        """
        first: dict[tuple[str, str], int] = {}
        timed = []
        for place, record in enumerate(self._chain.records):
            first.setdefault((record.get("file", ""), record.get("run_id", "")), place)
            if logical := record.get("logical"):
                timed.append((str(logical).translate(_COMPACT), place))
        timed.sort()
        times = [time for time, _ in timed]
        last = [-1, *accumulate((place for _, place in timed), max)]

        def key(file: str, run_id: str) -> tuple[int, str, str]:
            time = run_id.partition("-")[0]
            place = first.get((file, run_id), last[bisect_right(times, time)])
            return place, time, f"{file}/{run_id}"

        return key

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
        """Return deliveries, of one feed or of all, that have no outcome yet."""
        return [
            record
            for record in self._open_intents.values()
            if feed in (None, record["feed"])
        ]

    def unknown(self, feed: str) -> list[Record]:
        """Return the deliveries of a feed with the last outcome `unknown`."""
        return [
            record
            for record in self.all("unknown", feed=feed)
            if self.outcome(record["attempt"]) is record
        ]

    def last_delivered(
        self, feed: str, destination: str, split: str | None = None
    ) -> Record | None:
        """Return the newest delivery to a destination, of one split value if given."""
        return self._last(("delivered",), feed, destination, split)

    def last_settled(
        self, feed: str, destination: str, split: str | None = None
    ) -> Record | None:
        """Return the newest record `delivered` or `nothing` of a feed."""
        return self._last(("delivered", "nothing"), feed, destination, split)

    def _last(
        self, events: tuple[str, ...], feed: str, destination: str, split: str | None
    ) -> Record | None:
        for record in reversed(self._of_feed.get(feed, ())):
            if record["event"] not in events or record["destination"] != destination:
                continue
            if split in (None, record["split"]):
                return record
        return None

    def last_delivery_of(
        self, model: str, destination: str, split: str | None
    ) -> Record | None:
        """Return the newest delivery, by any feed, of rows of a state model.

        Also one that a restored ledger knows again, from the file at the partner.
        """
        for record in reversed(self.all("delivered", "adopted")):
            if record["event"] == "adopted" and not record.get("restored"):
                continue
            if (record["state"]["model"], record["destination"], record["split"]) == (
                model,
                destination,
                split,
            ):
                return record
        return None

    def last_file(
        self, model: str, destination: str, split: str | None
    ) -> Record | None:
        """Return the newest `delivered` or `adopted` of a state model."""
        for record in reversed(self.all("delivered", "adopted")):
            where = record["state"]["model"], record["destination"], record["split"]
            if where == (model, destination, split):
                return record
        return None

    def same_bytes_delivered(
        self, destination: str, file: str, period: str, sha256: str
    ) -> Record | None:
        """Return the delivery of these very bytes for this period, if there was one."""
        fields = ("destination", "file", "period", "sha256")
        for record in reversed(self.all("delivered")):
            if [record[field] for field in fields] == [
                destination,
                file,
                period,
                sha256,
            ]:
                return record
        return None

    def approvals(self) -> dict[tuple[str, str], Record]:
        """Return the approvals that are not used up, by file and SHA-256.

        A delivery of the bytes uses it up, and so does the record that none is needed:
        every delta without rows has the same bytes.
        """
        approvals: dict[tuple[str, str], Record] = {}
        for record in self.all("approved", "delivered", "nothing"):
            bytes_ = record["file"], record["sha256"]
            if record["event"] == "approved":
                approvals[bytes_] = record
            else:
                approvals.pop(bytes_, None)
        return approvals

    def approval(self, file: str, sha256: str) -> Record | None:
        """Return the approval of these bytes of a file that is not used up."""
        return self.approvals().get((file, sha256))


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
