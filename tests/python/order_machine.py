"""A state machine: nights of the order feed, and what a reader must hold after each.

The machine edits an order tool of a few orders. It publishes on good nights, leaves
nights out, and breaks connections at any moment. `order_expected` says which rows are
right.
"""

import datetime as dt
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from order_consumer import DIALECT, Consumer, Row, in_order
from order_expected import HEADER, expected, instant, shown
from order_project import FAULTS, GOOD, MONDAY, STATE, OrderProject, Template
from order_source import BEGINNING, Source
from servers.stub import Stub

from store import ledger

COUNTED = {"histories": 0, "nights": 0, "files": 0, "held": 0, "broken": 0}


class Nights(Source):
    """An order tool, its nights, and the readers of its files."""

    template: Template
    patched: pytest.MonkeyPatch

    @initialize(weekday=st.integers(0, 6))
    def begin(self, weekday: int) -> None:
        COUNTED["histories"] += 1
        self.folder = Path(tempfile.mkdtemp(prefix="orders"))
        self.open = ExitStack()
        server = self.open.enter_context(Stub(GOOD))
        self.project = OrderProject(self.folder, self.template, server)
        self.project.speed_up(self.patched)
        self.readers = [Consumer()]
        # By term: what the reader must hold. By file: when it was last due and done.
        self.held: dict[str, list[Row]] = {}
        self.settled: dict[str, str] = {}
        self.day: dict[str, dt.date] = {}
        self.sent: dict[str, list[Row]] = {}
        self.names: set[str] = set()
        self.records_read = 0  # of the ledger
        self.open_intents = False
        self.built: dict[str, list[Row]] = {}
        self.clean = True  # nothing went wrong since the last good night
        self.start(weekday)

    # ---------------------------------------------------------------- the nights
    def build(self, at: dt.datetime) -> None:
        source = {
            "terms": list(self.terms.values()),
            "orders": list(self.orders.values()),
        }
        self.project.build(source, at)
        self.built = {
            term: in_order(
                row
                for order in self.orders.values()
                if order["sis_term_id"] == term
                for row in expected(order)
            )
            for term in self.terms
        }
        self.restated = {
            term: [
                {**row, "is_deleted": "true"}
                for row in self.held.get(term, [])
                if self.is_gone(int(row["order_id"] or 0), term)
            ]
            for term in self.terms
        }
        for term, rows in self.restated.items():
            self.built[term] = in_order([*self.built[term], *rows])

    def is_gone(self, number: int, term: str) -> bool:
        """Return whether a delivered order vanished, or has no item or section left."""
        if order := self.orders.get(number):
            items = order["catalog_items"] + order["content_requests"]
            return not (items and order["sections"])
        return not self.terms[term]["is_archived"]

    def in_review(self) -> set[str | None]:
        return {
            str(number)
            for number, order in self.orders.items()
            if not shown(order) and not self.is_gone(number, order["sis_term_id"])
        }

    def too_many(self, term: str) -> bool:
        """Return whether more orders vanished than the exposure allows."""
        new = {
            row["order_id"]
            for row in self.held.get(term, [])
            if row["is_deleted"] == "false"
            and row["order_id"] in ids(self.restated[term])
        }
        return len(new) >= 5 and len(new) > 0.05 * len(ids(self.held[term]))

    def expected_statuses(self, at: dt.datetime) -> dict[str, str]:
        """Return the status of every file if nothing goes wrong."""
        outcomes = {}
        for term in filter(lambda term: self.is_open(term, at), self.terms):
            now = self.built[term]
            lost = ids(self.held.get(term, [])) - ids(now) - self.in_review()
            for other in self.terms:
                if other != term and self.is_open(other, at):
                    lost -= ids(self.built[other])  # its file carries them
            due = {"delta": last(at, BEGINNING, 1), "full": last(at, MONDAY, 7)}
            for kind, period in due.items():
                label = f"order_feed_{kind}_file.{term}"
                if self.settled.get(label, "") >= instant(period):
                    outcomes[label] = "not due"
                elif kind == "delta" and self.day.get(term) == at.date():
                    outcomes[label] = "waiting"  # one name a day, and one build
                elif lost or self.too_many(term) or (kind == "full" and not now):
                    outcomes[label] = "held"
                else:
                    changed = kind == "full" or ids(now) & self.differing()
                    outcomes[label] = "delivered" if changed else "skipped"
        return outcomes

    def publish(self, at: dt.datetime, *faults: str) -> dict[str, str]:
        """Publish what is due; read from the ledger what the reader was sent."""
        outcomes = self.project.publish(at, *faults)
        records = self.project.ledger  # read anew: its chain is whole
        for record in records.all()[self.records_read :]:
            self.follow(record)
        self.records_read = len(records.all())
        for label, outcome in outcomes.items():
            status = outcome.summary["status"]
            COUNTED["held"] += status == "held"
            assert (outcome.code == 1) == (status in ("held", "refused")), outcome
            if status == "skipped":  # no file, and the ledger says why
                (*_, record) = (r for r in records.all() if r.get("file") == label)
                assert (record["event"], record["because"]) == (
                    "nothing",
                    "nothing changed",
                )
        self.open_intents = bool(records.open_intents())
        return {
            label: outcome.summary["status"]
            for label, outcome in outcomes.items()
            if outcome.summary["status"] != "nothing open"
        }

    def follow(self, record: ledger.Record) -> None:
        """Apply a record of the ledger to what a reader holds, and is taken to hold."""
        term = record.get("split")
        if record["event"] == "intent":
            self.sent[record["attempt"]] = self.built.get(term)
        if record["event"] in ("delivered", "nothing"):
            self.settled[record["file"]] = record["logical"]
        if record["event"] == "delivered":
            COUNTED["files"] += 1
            sent = self.sent[record["attempt"]]
            # A reader removes the orders that another file names, and no others.
            others = {
                other: [row for row in rows if row["order_id"] not in ids(sent)]
                for other, rows in self.held.items()
            }
            self.held = others | {term: in_order([*others.get(term, []), *sent])}
            self.day[term] = dt.date.fromisoformat(record["logical"][:10])
            self.names.add(record["name"])

    def differing(self) -> set[str | None]:
        """Return the orders whose rows or terms are not those that the reader holds."""
        sides: list[dict[str | None, list]] = []
        for terms in (self.held, self.built):
            orders: dict[str | None, list] = {}
            for term, rows in terms.items():
                for row in rows:
                    orders.setdefault(row["order_id"], []).append((term, row))
            sides.append(orders)
        before, now = sides
        return {each for each in now if now[each] != before.get(each)}

    def good(self, at: dt.datetime) -> None:
        """Build and publish without a fault."""
        COUNTED["nights"] += 1
        self.build(at)
        if not self.clean:
            # The first run settles what an earlier one left open. A build from before
            # that is not delivered, so build once more.
            self.publish(at)
            self.build(at)
            self.clean = True
        statuses = self.expected_statuses(at)
        assert self.publish(at) == statuses
        again = {
            label: "held" if status == "held" else status
            for label, status in statuses.items()
            if status in ("held", "waiting")
        }
        # The second run sends nothing.
        done = dict.fromkeys(statuses, "not due") | again
        before = len(self.project.ledger.all("intent"))
        assert self.publish(at) == done
        assert len(self.project.ledger.all("intent")) == before

    @rule(fetch=st.booleans())
    def night(self, fetch: bool) -> None:
        self.at += dt.timedelta(days=1)
        self.good(self.at)
        if fetch:
            self.fetch()

    @rule(fetch=st.booleans())
    def quiet_night(self, fetch: bool) -> None:
        """Repair everything, then change one price: held nights test little."""
        self.repair()
        self.night(fetch)
        for order in self.orders.values():
            for item in order["catalog_items"][:1]:
                item["offer_price"] = "7" if item["offer_price"] != "7" else "8"
            break
        self.night(fetch)

    @rule()
    def missed_night(self) -> None:
        self.at += dt.timedelta(days=1)

    @rule(fetch=st.booleans())
    def catch_up(self, fetch: bool) -> None:
        """A person publishes what is due at two in the morning."""
        self.good(self.at + dt.timedelta(hours=18))
        if fetch:
            self.fetch()

    @rule(faults=st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=4))
    def bad_night(self, faults: list[str]) -> None:
        COUNTED["nights"] += 1
        COUNTED["broken"] += 1
        self.at += dt.timedelta(days=1)
        self.clean = False
        self.build(self.at)
        self.publish(self.at, *faults)

    def fetch(self) -> None:
        """The readers take the files, and must then hold the right rows."""
        if self.open_intents:
            return
        # A part whose connection broke twice may be left: nobody reads those.
        files = sorted(self.project.partner.glob("*.csv"))
        for file in files:
            assert file.name in self.names, "a file that the ledger does not know"
            assert DIALECT.fullmatch(file.read_bytes()), file.read_bytes()
            header = file.read_text(encoding="utf-8").partition("\n")[0]
            assert header == ",".join(f'"{name}"' for name in HEADER)
        for reader in self.readers:
            reader.take(files)
            for term, rows in self.held.items():
                assert reader.rows(term) == rows, term
            state = (
                (term, *(row[column] for column in STATE[1:]))
                for term in self.held
                for row in reader.rows(term)
            )
            assert sorted(state, key=str) == self.project.state()
        for file in files:
            file.unlink()

    def teardown(self) -> None:
        """Repair and open everything; then the next night is good."""
        try:
            if hasattr(self, "readers"):
                self.repair()
                for term in self.terms.values():
                    term["is_archived"] = False
                    term["ordering_closes_at"] = "2030-01-01T00:00:00Z"
                    term["ordering_opens_at"] = "2026-01-01T00:00:00Z"
                self.at += dt.timedelta(days=2)
                self.good(self.at)
                self.fetch()
                assert {t: r for t, r in self.held.items() if r} == {
                    t: r for t, r in self.built.items() if r
                }
                for reader in self.readers:
                    reader.close()
        finally:
            if hasattr(self, "folder"):
                self.open.close()
                shutil.rmtree(self.folder)


def ids(rows: list[Row]) -> set[str | None]:
    return {row["order_id"] for row in rows}


def last(at: dt.datetime, one: dt.datetime, days: int) -> dt.datetime:
    """Return the last time up to `at` that is so many days times n from `one`."""
    return at - (at - one) % dt.timedelta(days=days)
