"""The readers of both feeds: they take files, and are checked with every record.

What is sent is known from the ledger; what arrived, from the partner's folder.
"""

import csv
import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from order_consumer import DIALECT, in_order
from order_expected import HEADER

from histories.nights import Ended
from histories.reader import read_parts
from histories.right import DELTA, FULL, INVENTORY, Built, Right, ids
from histories.truth import PLACES, Key, Part, moved


class Partners(Right):
    """What both partners have.

    Attributes:
        eager: institutions remove what they have read at once, or later.
        intents: by attempt, what the ledger says of it before it is sent.
        sent: by attempt, what is right for its file.
        taken: what the readers took, by name and digest.
        digests: by file, those that were delivered.
    """

    def __init__(self, *args: Any, eager: bool, **options: Any) -> None:
        """Start with readers that have nothing; see `Right`."""
        super().__init__(*args, **options)
        self.eager = eager
        self.intents: dict[str, Mapping[str, Any]] = {}
        self.sent: dict[str, Built] = {}
        self.taken: set[tuple[str, str]] = set()
        self.digests: dict[str, list[str]] = {}
        self.records_read = 0

    # -------------------------------------------------------------------- the ledger
    def read_ledger(self) -> None:
        """Follow the new records of the ledger, read anew: its chain is whole."""
        records = self.project.ledger.all()
        for record in records[self.records_read :]:
            if record["event"] == "intent":
                self.follow_intent(record)
        self.take_files()
        for record in records[self.records_read :]:
            line = (record["event"], record.get("file"), record.get("because"))
            self.note(f"  {line}")
            follow = getattr(self, f"follow_{record['event']}", None)
            if follow and record["event"] != "intent":
                follow(record)
        self.records_read = len(records)

    def follow_intent(self, record: Mapping[str, Any]) -> None:
        """Remember what is right for the file that is sent."""
        self.sent[record["attempt"]] = self.built
        self.intents[record["attempt"]] = record

    def follow_nothing(self, record: Mapping[str, Any]) -> None:
        """Nothing changed: the reader has what is right."""
        assert record["because"] in ("nothing changed", "same bytes"), record
        self.settled[record["file"]] = record["logical"]
        if "state" in record:
            self.release(record)
        if record["file"] == INVENTORY:
            assert self.parts.rows == self.built.parts.rows
        elif record["feed"] == DELTA:
            term = record["split"]
            assert not ids(self.built.orders[term]) & self.differing(), record

    def follow_confirmed(self, record: Mapping[str, Any]) -> None:
        """A value that a person confirmed counts from now on."""
        for entry in record["entries"]:
            self.confirmed.setdefault(_key(entry), {})[entry["column"]] = entry["value"]

    def follow_voided(self, record: Mapping[str, Any]) -> None:
        """A confirmation ended: the source shows another value."""
        for entry in record["entries"]:
            values = self.confirmed[_key(entry)]
            self.counts["voided"] += 1
            assert values.pop(entry["column"]) == entry["value"]
            assert (
                self.built.parts.shown[_key(entry)][entry["column"]] != entry["value"]
            )

    def follow_delivered(self, record: Mapping[str, Any]) -> None:
        """A file arrived, and it is new: the reader took it."""
        attempt, term = record["attempt"], record["split"]
        intent = self.intents[attempt]
        assert self.key(attempt) in self.taken, record
        self.settled[record["file"]] = record["logical"]
        digests = self.digests.setdefault(record["file"], [])
        again = record["feed"] == FULL or "again" in intent
        assert again or digests[-1:] != [record["sha256"]], "sent twice"
        digests.append(record["sha256"])
        if record["feed"] == INVENTORY:
            return
        self.release(record)
        self.former -= ids(self.sent[attempt].orders[term])
        self.day[term] = dt.date.fromisoformat(record["logical"][:10])
        if record["feed"] == FULL:
            self.full_rows[term] = record["rows"]
        if not self.eager:
            self.file(attempt).unlink()

    def release(self, record: Mapping[str, Any]) -> None:
        """Remember the orders that a person released with a file."""
        at = dt.datetime.fromisoformat(record["logical"])
        opened = [each for each in self.source.terms if self.source.is_open(each, at)]
        self.former |= self.lost(record["split"], opened)

    # --------------------------------------------------------------------- the files
    def file(self, attempt: str) -> Path:
        """Return the path at the partner of the file of an attempt."""
        intent = self.intents[attempt]
        folder: Path = self.project.server.folder / str(intent["folder"]).strip("/")
        return folder / str(intent["name"])

    def key(self, attempt: str) -> tuple[str, str]:
        """Return the name and digest of the file of an attempt."""
        intent = self.intents[attempt]
        return str(intent["name"]), str(intent["sha256"])

    def take_files(self) -> None:
        """Let the readers take what is new, whether the ledger knows of it or not."""
        for attempt, intent in self.intents.items():
            file, key = self.file(attempt), self.key(attempt)
            if key in self.taken and intent["feed"] == INVENTORY:
                continue
            if not (file.exists() and digest(file) == key[1]):
                continue
            if key not in self.taken:
                self.taken.add(key)
                self.take(intent, file, self.sent[attempt])
            elif self.eager:
                assert "again" in intent, f"{key} was sent twice"
            if self.eager and intent["feed"] != INVENTORY:
                file.unlink()

    def take(self, intent: Mapping[str, Any], file: Path, built: Built) -> None:
        """Check a file against the source of its time, and take it."""
        if intent["feed"] == INVENTORY:
            self.take_parts(file, built)
        else:
            self.take_orders(intent, file, built)

    def take_parts(self, file: Path, built: Built) -> None:
        """Check a file of the inventory against the source of its time."""
        rows = read_parts(file)
        assert rows == built.parts.rows, difference(rows, built.parts.rows)
        unconfirmed = moved(self.parts.ever, rows, built.parts.confirmed)
        assert not unconfirmed, unconfirmed
        self.parts.take(file)

    def take_orders(self, record: Mapping[str, Any], file: Path, built: Built) -> None:
        """Check a file of the order feed against the source of its time."""
        term = record["split"]
        content = file.read_bytes()
        assert DIALECT.fullmatch(content), content
        header = content.decode().partition("\n")[0]
        assert header == ",".join(f'"{name}"' for name in HEADER)
        before = self.consumer.rows(term)
        self.consumer.apply(file)
        rows, right = self.consumer.rows(term), built.orders[term]
        # A reader removes the orders that another file names, and no others.
        others = {
            other: [row for row in held if row["order_id"] not in ids(right)]
            for other, held in self.held.items()
        }
        self.held = others | {term: in_order([*others.get(term, []), *right])}
        for name, held in self.held.items():
            assert self.consumer.rows(name) == held, name
        if record["feed"] == DELTA:
            assert rows != before, "a delta that changes nothing"

    def check_orders(self, term: str, ended: Ended) -> None:
        """After a good night a reader has what the source has, or knows why not."""

        def is_told(each: str) -> bool:
            status = ended.statuses.get(f"{DELTA}.{each}")
            return status in ("delivered", "skipped")

        if not is_told(term):
            return
        right = self.built.orders[term]
        # A person released that the reader keeps these.
        remaining = self.former - ids(right)
        # A reader keeps an order that moved until it has the file of the other term.
        for other, rows in self.built.orders.items():
            if not is_told(other):
                remaining |= ids(rows)
        has = [row for row in self.consumer.rows(term)
               if row["order_id"] in self.ids - remaining]  # fmt: skip
        assert has == right, (term, remaining, ids(has) ^ ids(right))

    @property
    def ids(self) -> set[str | None]:
        """The orders of the source that are not in review."""
        return {row["order_id"] for rows in self.built.orders.values() for row in rows}

    def check_audit(self, label: str, package: Path) -> None:
        """Every row of the source that is not in the file has its code in the audit."""
        if label != INVENTORY:
            return
        with (package / "audit.csv").open(encoding="utf-8", newline="") as lines:
            audit = [*csv.DictReader(lines)]
        keys = {
            (PLACES.get(row["location_name"], ""), row["item_name"]): row
            for row in audit
        }
        right = self.built.parts
        assert keys.keys() == right.rows.keys() | right.codes.keys()
        for key, code in right.codes.items():
            assert keys[key]["reason_code"] == code, (key, code, keys[key])
        for key in right.rows:
            assert keys[key]["status"] == "ELIGIBLE", keys[key]


def _key(entry: Mapping[str, Any]) -> Key:
    return entry["key"]["location_code"], entry["key"]["supplier_sku"]


def difference(rows: Mapping[Key, Part], right: Mapping[Key, Part]) -> str:
    """Say in which rows two files differ."""
    keys = sorted(rows.keys() | right.keys())
    return "; ".join(
        f"{key}: {rows.get(key)}, right is {right.get(key)}"
        for key in keys
        if rows.get(key) != right.get(key)
    )


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
