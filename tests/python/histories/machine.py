"""The nights of both feeds, drawn by Hypothesis, and what must hold after each."""

import csv
import datetime as dt
import hashlib
import shutil
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from order_consumer import DIALECT, Consumer, Row, in_order
from order_expected import HEADER, expected, instant, shown
from servers.script import Script
from servers.stub import Stub

from histories import nights
from histories.nights import Compiled, Ended, Project
from histories.reader import PartsReader, read_parts
from histories.source import BEGINNING, DAY, EDITS, Draw, Source
from histories.truth import PLACES, Key, Part, Parts, exceeds, order_holds

# Every so many seeds have a night that real dbt builds too.
EVERY = 4
COUNTED: Counter[str] = Counter()
INVENTORY = "onpart_inventory"
DELTA, FULL = "order_feed_delta_file", "order_feed_full_file"
MONDAY = BEGINNING + 2 * DAY
GOOD = Script(mode="plain", hash="right")
# What may go wrong on a connection.
FAULTS = {
    "ok": GOOD,
    "refuse": replace(GOOD, cwd="550 no such folder"),
    "put": replace(GOOD, keep=0.5, close="rst", cut="STOR"),
    "before": replace(GOOD, cut="RNTO", renames=False),
    "after": replace(GOOD, cut="RNTO"),
    # As "after", and no connection is served until the run has ended.
    "lost": replace(GOOD, cut="RNTO"),
    "down": replace(GOOD, login="421 come again"),
}
# Every failpoint of a delivery, which a run reaches once for each file or item.
FAILPOINTS = (
    *("before-append:intent", "after-append:intent", "before-connect", "after-login"),
    *("in-stor", "after-stor", "before-append:placing", "after-append:placing"),
    *("before-rnto", "after-rnto", "before-append:delivered"),
    *("after-append:delivered", "after-receipt", "before-append:held"),
    *("after-append:held", "before-append:nothing", "after-append:nothing"),
)
# What may become of a night. A good one is most frequent.
EVENTS = (
    *("good_night",) * 5,
    *("approved_night",) * 2,
    *("confirmed_night",) * 2,
    *("missed_night", "late_night", "second_run", "asked_again"),
    *("bad_connections", "killed_publish", "killed_build"),
)


@dataclass
class Built:
    """What is right for the files of one build.

    Attributes:
        parts: the inventory.
        orders: the rows of each term.
        restated: those of `orders` whose order vanished: its last rows, as deleted.
        whole: whether the build came to its end.
        waiting, every: the orders of each term that are in review, and all.
    """

    parts: Parts
    orders: dict[str, list[Row]]
    restated: dict[str, list[Row]]
    whole: bool
    waiting: Counter[str] = field(default_factory=Counter)
    every: Counter[str] = field(default_factory=Counter)


class Nights(RuleBasedStateMachine):
    """Both sources, their nights, and the readers of the files."""

    compiled: Compiled
    server: Stub
    # The last night of this history is built by real dbt too.
    built_by_dbt = 2

    # ------------------------------------------------------------------- the history
    @initialize(data=st.data(), weekday=st.integers(0, 6))
    def begin(self, data: st.DataObject, weekday: int) -> None:
        """Start with an empty data directory; choose what this history is about."""
        COUNTED["histories"] += 1
        self.source = Source(weekday)
        self.folder = Path(tempfile.mkdtemp(prefix="nights", dir=memory()))
        self.server.scripts = repeat(GOOD)
        self.project = Project(self.folder, self.compiled, self.server)
        self.parts = PartsReader()
        self.consumer = Consumer()
        # By term: what the reader of orders must have. Orders that a person released
        # though no file has them. By file: when it was last due and done.
        self.held: dict[str, list[Row]] = {}
        self.former: set[str | None] = set()
        self.settled: dict[str, str] = {}
        self.day: dict[str, dt.date] = {}
        self.full_rows: dict[str, int] = {}
        self.digests: dict[str, list[str]] = {}
        # By attempt: its intent, and what is right for its file.
        self.intents: dict[str, Mapping[str, Any]] = {}
        self.sent: dict[str, Built] = {}
        # What the readers took, by name and digest; what people confirmed, by key.
        self.taken: set[tuple[str, str]] = set()
        self.confirmed: dict[Key, Part] = {}
        self.records_read = 0
        self.failed = self.with_dbt = False
        self.clean = True  # nothing went wrong since the last good night
        edits = [name for names in EDITS.values() for name in names]
        # Institutions remove what they have read: at once, or later.
        self.eager = data.draw(st.booleans(), "eager")
        # Not everything in every history: rare edits are frequent in some.
        self.edits = data.draw(
            st.lists(st.sampled_from(edits), min_size=3, max_size=12, unique=True)
        )

    @rule(data=st.data())
    def night(self, data: st.DataObject) -> None:
        """Change the sources, then let a night pass."""
        COUNTED["nights"] += 1
        self.failed = True  # unless it gets to its end
        chosen = st.lists(st.sampled_from(sorted(self.edits)), min_size=1, max_size=4)
        for name in data.draw(chosen, "edits"):
            COUNTED[f"edit {name}"] += 1
            getattr(self.source, name)(data.draw)
        self.source.at += DAY
        event = data.draw(st.sampled_from(EVENTS), "event")
        COUNTED[f"night {event}"] += 1
        note(f"{instant(self.source.at)} {event}")
        getattr(self, event)(data.draw)
        self.failed = False

    # ------------------------------------------------------------------------ nights
    def good_night(self, draw: Draw) -> None:
        """Nothing goes wrong."""
        self.good(self.source.at)

    def approved_night(self, draw: Draw) -> None:
        """A person looks at each file that is held, and approves it."""
        ended = self.good(self.source.at)
        self.approve(self.source.at, ended)

    def confirmed_night(self, draw: Draw) -> None:
        """A person confirms prices and types that wait; they go out another night."""
        self.approve(self.source.at, self.good(self.source.at))
        # What was approved is what the partner has now.
        self.project.build(None, self.source.at)
        self.built.parts = waiting = self.right_parts()
        columns = {"PRICE_JUMP": "sell_price", "TYPE_CHANGED": "part_type"}
        for (place, sku), code in waiting.codes.items():
            if code in columns and draw(st.booleans(), f"confirm {sku}"):
                COUNTED["confirmed"] += 1
                column = columns[code]
                value = waiting.shown[place, sku][column]
                words = ("confirm", INVENTORY, "--key", "DEMO01", "--key", place)
                words += ("--key", sku, "--column", column, "--value", value)
                assert self.project.publish(*words, "--because", "right").code == 0
        self.read_ledger()

    def missed_night(self, draw: Draw) -> None:
        """Nobody runs anything."""

    def late_night(self, draw: Draw) -> None:
        """A person does at two in the morning what was due before."""
        self.good(self.source.at + dt.timedelta(hours=18))

    def second_run(self, draw: Draw) -> None:
        """The orchestrator runs publish twice; the second run sends nothing."""
        at = self.source.at
        statuses = self.good(at).statuses
        done = {label: "held" for label, each in statuses.items() if each == "held"}
        done |= {label: each for label, each in statuses.items() if each == "waiting"}
        before = len(self.project.ledger.all("intent"))
        assert self.publish(at).statuses == done
        assert len(self.project.ledger.all("intent")) == before

    def asked_again(self, draw: Draw) -> None:
        """A person asks for the same inventory once more."""
        at = self.source.at
        if self.good(at).statuses.get(INVENTORY) != "delivered":
            return
        words = (INVENTORY, "--again", "--because", "the partner lost it")
        rows = self.parts.rows
        assert self.publish(at, *words, due=False).statuses == {INVENTORY: "delivered"}
        assert self.parts.rows == rows

    def bad_connections(self, draw: Draw) -> None:
        """Connections break, in any way, at any time."""
        faults = draw(
            st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=6), "faults"
        )
        self.clean = False
        self.build(self.source.at)
        self.server.scripts = _scripts(faults)
        self.publish(self.source.at)
        self.server.scripts = repeat(GOOD)

    def killed_publish(self, draw: Draw) -> None:
        """The process dies at a failpoint."""
        point = draw(st.sampled_from(FAILPOINTS), "failpoint")
        visit = draw(st.sampled_from([1, 1, 1, 2, 3]), "visit")
        how = draw(st.sampled_from(["kill", "kill", "term"]), "signal")
        self.clean = False
        self.build(self.source.at)
        code = self.project.publish_killed(
            f"{point}={how}@{visit}", *_due(self.source.at), FEEDS_ACCEPT_FIRST="1"
        )
        COUNTED["killed in publish"] += code not in (0, 1)
        self.read_ledger()

    def killed_build(self, draw: Draw) -> None:
        """The build dies behind any node; then nothing of the new extract is sent."""
        nodes = draw(st.integers(0, len(self.compiled.nodes) - 1), "nodes")
        self.recover(self.source.at)
        before = len(self.project.ledger.all("intent"))
        self.build(self.source.at, nodes)
        statuses = self.publish(self.source.at).statuses
        assert not {"delivered", "skipped", "unchanged"} & {*statuses.values()}
        assert len(self.project.ledger.all("intent")) == before
        self.clean = False

    # ---------------------------------------------------------------- build, publish
    def build(self, at: dt.datetime, nodes: int | None = None) -> None:
        """Extract and build; remember what is right for this build."""
        self.project.build(self.source.records(), at, nodes)
        orders = self.source.orders.values()
        restated = {
            term: [
                {**row, "is_deleted": "true"}
                for row in self.held.get(term, [])
                if self.is_gone(int(row["order_id"] or 0), term)
            ]
            for term in self.source.terms
        }
        rows = {
            term: in_order(
                [*restated[term]]
                + [
                    row
                    for order in orders
                    if order["sis_term_id"] == term
                    for row in expected(order)
                ]
            )
            for term in self.source.terms
        }
        self.built = Built(self.right_parts(), rows, restated, nodes is None)
        for order in orders:
            self.built.every[order["sis_term_id"]] += 1
            self.built.waiting[order["sis_term_id"]] += self.waits(order)
        for term, deleted in restated.items():
            missing = [each for each in ids(deleted) if int(each or 0) not in
                       self.source.orders]  # fmt: skip
            self.built.every[term] += len(missing)

    def is_gone(self, number: int, term: str) -> bool:
        """Return whether a delivered order vanished, or has no item or section left."""
        if order := self.source.orders.get(number):
            items = order["catalog_items"] + order["content_requests"]
            return not (items and order["sections"])
        return not self.source.terms[term]["is_archived"]

    def waits(self, order: Mapping[str, Any]) -> bool:
        """Return whether an order is in review."""
        term, number = order["sis_term_id"], order["order_id"]
        delivered = any(str(number) in ids(rows) for rows in self.held.values())
        return not shown(order) and not (delivered and self.is_gone(number, term))

    def right_parts(self) -> Parts:
        """Return what is right for the inventory now."""
        return Parts(
            self.source.items, self.source.stock, self.parts.ever, self.confirmed
        )

    def publish(self, at: dt.datetime, *words: str, due: bool = True) -> Ended:
        """Publish what is due; check every file that is sent, by the ledger."""
        words = (*words, *_due(at, due))
        ended = self.project.publish(*words, FEEDS_ACCEPT_FIRST="1")
        for label, file in ended.files.items():
            COUNTED[file["status"]] += 1
            if file["status"] == "held":
                assert ended.code == 1, ended
            if file["status"] in ("held", "delivered") and self.built.whole:
                self.check_audit(label, Path(file["package"]))
        self.read_ledger()
        return ended

    def good(self, at: dt.datetime) -> Ended:
        """Build and publish without a fault."""
        self.recover(at)
        self.build(at)
        right = self.right_statuses(at)
        if self.with_dbt:
            COUNTED["nights of real dbt"] += 1
            ready = {label: "ready" if each == "delivered" else each
                     for label, each in right.items()}  # fmt: skip
            assert results(self.project.same_as_dbt(at)) == ready
        ended = self.publish(at)
        assert results(ended) == right, (ended.result, right)
        for term in self.source.terms:
            self.check_orders(term, ended)
        if INVENTORY in ended.files:
            for key, values in self.confirmed.items():
                now = self.built.parts.shown.get(key, {})
                assert {**values, **now} == {**now, **values}, "not ended"
        return ended

    def recover(self, at: dt.datetime) -> None:
        """End what an earlier night left open, as an operator does."""
        if self.clean:
            return
        # The first run ends what was left open. A build from before that is not
        # delivered, so everybody builds once more.
        self.build(at)
        unknown = [None]
        while unknown:  # a feed with an unknown end hides that of another file
            self.publish(at)
            records = self.project.ledger
            unknown = [
                record
                for record in records.all("unknown")
                if records.outcome(record["attempt"]) is record
            ]
            for record in unknown:
                self.settle(record)
        self.clean = True

    def settle(self, record: Mapping[str, Any]) -> None:
        """Ask the partner whether a file arrived, and record the answer."""
        COUNTED["settled"] += 1
        arrived = self.key(record["attempt"]) in self.taken
        answer = "delivered" if arrived else "not-delivered"
        words = ("settle", record["attempt"], "--as", answer, "--because", "I asked")
        assert self.project.publish(*words).code == 0
        self.read_ledger()

    def approve(self, at: dt.datetime, ended: Ended) -> None:
        """Approve what is held; then the same bytes go out."""
        held = [file for file in ended.files.values() if file["status"] == "held"]
        for file in held:
            COUNTED["approved"] += 1
            because = ("--because", "I looked")
            done = self.project.publish("approve", file["sha256"], *because)
            assert done.code == 0, done
        if held:
            statuses = self.publish(at).statuses
            for file in held:
                empty = not file["rows"] and file["file"].startswith(DELTA)
                right = "skipped" if empty else "delivered"
                assert statuses[file["file"]] == right, (file, statuses)

    # ------------------------------------------------------- what each file must be
    def right_statuses(self, at: dt.datetime) -> dict[str, str | set[str]]:
        """Return what must become of every file that is due: a status, or its holds."""
        outcomes: dict[str, str | set[str]] = {}
        due = last(at, BEGINNING - dt.timedelta(hours=2), 1)
        if self.settled.get(INVENTORY, "") < instant(due):
            holds = self.built.parts.holds(self.parts.rows)
            outcomes[INVENTORY] = holds or "delivered"
        opened = [term for term in self.source.terms if self.source.is_open(term, at)]
        for term in opened:
            due = {"delta": last(at, BEGINNING, 1), "full": last(at, MONDAY, 7)}
            for kind, period in due.items():
                label = f"order_feed_{kind}_file.{term}"
                if self.settled.get(label, "") < instant(period):
                    outcomes[label] = self.right_status(kind, term, at, opened)
        return outcomes

    def right_status(
        self, kind: str, term: str, at: dt.datetime, opened: list[str]
    ) -> str | set[str]:
        """Return what must become of a file of the order feed that is due."""
        built, now = self.built, self.built.orders[term]
        if kind == "delta" and self.day.get(term) == at.date():
            return "waiting"  # one name a day, and one build
        has = [row for row in self.held.get(term, []) if row["order_id"]
               not in self.former]  # fmt: skip
        holds = order_holds(
            now, has, self.lost(term, opened) or self.too_many(term, has),
            built.waiting[term], built.every[term], kind == "full",
            self.full_rows.get(term),
        )  # fmt: skip
        changed = kind == "full" or ids(now) & self.differing()
        return holds or ("delivered" if changed else "skipped")

    def lost(self, term: str, opened: list[str]) -> set[str | None]:
        """Return the orders of a term that no file has any more, in review or not."""
        lost = ids(self.held.get(term, [])) - ids(self.built.orders[term])
        for other in opened:
            lost -= ids(self.built.orders[other])  # its file has them
        waiting = {str(n) for n, each in self.source.orders.items() if self.waits(each)}
        return lost - waiting - self.former

    def too_many(self, term: str, has: list[Row]) -> bool:
        """Return whether more orders vanished than the exposure allows."""
        deleted = ids(self.built.restated[term])
        new = {row["order_id"] for row in self.held.get(term, []) if
               row["is_deleted"] == "false" and row["order_id"] in deleted}  # fmt: skip
        return exceeds(len(new), len(ids(has)), 0.05, 5)

    def differing(self) -> set[str | None]:
        """Return the orders whose rows or terms are not those that the reader has."""
        sides: list[dict[str | None, list[tuple[str, Row]]]] = []
        for terms in (self.held, self.built.orders):
            orders: dict[str | None, list[tuple[str, Row]]] = {}
            for term, rows in terms.items():
                for row in rows:
                    orders.setdefault(row["order_id"], []).append((term, row))
            sides.append(orders)
        before, now = sides
        return {each for each in now if now[each] != before.get(each)}

    # ------------------------------------------------------------ what readers have
    def file(self, attempt: str) -> Path:
        """Return the path at the partner of the file of an attempt."""
        intent = self.intents[attempt]
        folder: Path = self.server.folder / str(intent["folder"]).strip("/")
        return folder / str(intent["name"])

    def key(self, attempt: str) -> tuple[str, str]:
        """Return the name and digest of the file of an attempt."""
        intent = self.intents[attempt]
        return str(intent["name"]), str(intent["sha256"])

    def take_files(self) -> None:
        """Let the readers take what is new, whether the ledger knows of it or not."""
        for attempt, intent in self.intents.items():
            file, key = self.file(attempt), self.key(attempt)
            there = file.exists() and digest(file) == key[1]
            if not there or (key in self.taken and intent["feed"] == INVENTORY):
                continue
            if key not in self.taken:
                self.taken.add(key)
                self.take(intent, file, self.sent[attempt])
            elif self.eager:
                assert "again" in intent, f"{key} was sent twice"
            if self.eager and intent["feed"] != INVENTORY:
                file.unlink()

    def read_ledger(self) -> None:
        """Follow the new records of the ledger, read anew: its chain is whole."""
        records = self.project.ledger.all()
        for record in records[self.records_read :]:
            if record["event"] == "intent":
                self.follow_intent(record)
        self.take_files()
        for record in records[self.records_read :]:
            note(f"  {record['event']} {record.get('file')} {record.get('because')}")
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
        label = f"{DELTA}.{term}"
        if ended.statuses.get(label) in ("delivered", "skipped"):
            has = [r for r in self.consumer.rows(term) if r["order_id"] in self.ids]
            assert has == self.built.orders[term], term

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

    def teardown(self) -> None:
        """Repair everything; after the next nights the readers have all that is."""
        try:
            if hasattr(self, "failed") and not self.failed:
                self.arrive()
        finally:
            if hasattr(self, "folder"):
                self.consumer.close()
                shutil.rmtree(self.folder)

    def arrive(self) -> None:
        """Repair the sources, approve what is held, and compare."""
        self.source.repair_all()
        self.source.at += 2 * DAY
        self.with_dbt = COUNTED["histories"] == self.built_by_dbt
        self.approve(self.source.at, self.good(self.source.at))
        terms = self.built.orders.items()
        assert {term: rows for term, rows in self.held.items() if rows} == {
            term: rows for term, rows in terms if rows
        }
        assert self.parts.rows == self.built.parts.rows


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


def results(ended: Ended) -> dict[str, str | set[str]]:
    """Return the status of each file, or the checks that hold it."""
    return {
        label: {check["id"] for check in file["held_by"]}
        if file["status"] == "held"
        else file["status"]
        for label, file in ended.files.items()
        if file["status"] != "nothing open"
    }


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def memory() -> Path | None:
    """Return a folder in memory, where there is one: a night writes many files."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() else None


def ids(rows: list[Row]) -> set[str | None]:
    """Return the orders of some rows."""
    return {row["order_id"] for row in rows}


def last(at: dt.datetime, one: dt.datetime, days: int) -> dt.datetime:
    """Return the last time up to `at` that is so many days times n from `one`."""
    return at - (at - one) % dt.timedelta(days=days)


def _due(at: dt.datetime, due: bool = True) -> tuple[str, ...]:
    return ("--at", f"{at:%Y-%m-%dT%H:%M:%SZ}", *(["--due"] if due else []))


def _scripts(faults: list[str]) -> Iterator[Script]:
    for fault in faults:
        COUNTED[f"connection {fault}"] += 1
        yield FAULTS[fault]
        if fault == "lost":
            yield from repeat(FAULTS["down"])
    yield from repeat(GOOD)


def run(
    compiled: Compiled, histories: int, seed: int, shrink: bool = False
) -> Counter[str]:
    """Run histories of ten nights and one more; return what happened how often.

    Args:
        compiled: of a real build.
        histories: how many.
        seed: of what is drawn.
        shrink: look for the shortest history that fails.
    """

    @hypothesis.seed(seed)
    class Machine(Nights):
        pass

    COUNTED.clear()
    Machine.compiled = compiled
    Machine.built_by_dbt = 0 if seed % EVERY else 2
    with Stub(GOOD) as Machine.server:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=histories,
                stateful_step_count=11,
                deadline=None,
                database=None,
                print_blob=False,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
            ),
            _min_steps=11,
        )
    return Counter(COUNTED)


def chunk(
    folder: Path, histories: int, seed: int, shrink: bool
) -> tuple[Counter[str], str]:
    """Run histories in a process of their own.

    Returns:
        What happened how often; the failure, or "".
    """
    warnings.simplefilter("ignore", DeprecationWarning)
    nights.speed_up(pytest.MonkeyPatch())
    try:
        return run(Compiled.read(folder), histories, seed, shrink), ""
    except BaseException as error:
        notes = "\n".join(getattr(error, "__notes__", ()))
        text = f"seed {seed}: {traceback.format_exc()}\n{notes}"
        return Counter(COUNTED), text


def summary(counts: Counter[str], seconds: float) -> str:
    """Say what happened, and in which share of the nights."""
    nights, histories = counts["nights"], counts["histories"]
    shares = {
        name.removeprefix("night "): number
        for name, number in counts.items()
        if name.startswith("night ")
    }
    lines = [f"{histories:,} histories, {nights:,} nights in {seconds:,.0f} s: "
             f"{60 * histories / seconds:.1f} histories a minute"]  # fmt: skip
    lines += [f"  {n / nights:6.1%} {name}" for name, n in sorted(shares.items())]
    rest = [name for name in sorted(counts) if not name.startswith("night ")]
    lines += [f"  {counts[name]:6,} {name}" for name in rest]
    return "\n".join(lines)
