"""Whatever happens at the source and on the line, the reader arrives at the source.

A state machine edits an order tool of a few orders and lives through nights: good
ones, missed ones, and such on which the line breaks at any moment. Its oracle is the
few lines of `expected`. CI runs a sample; FEEDS_HISTORIES says how many histories.
"""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from order_consumer import DIALECT, Consumer, Row, in_order, read
from order_house import OrderHouse, Template

HISTORIES = int(os.environ.get("FEEDS_HISTORIES", "15"))
HEADER = (
    *("order_id", "order_created", "order_updated", "sis_section_id"),
    *("sis_content_id", "content_id", "is_deleted", "order_item_type", "ci_author"),
    *("ci_title", "cr_created", "cr_title", "cr_isbn", "cr_status"),
    *("ci_searchable_isbn", "ci_publication_date", "ci_delivery_solution"),
    *("ci_sis_publisher_id", "ci_publisher_name", "ci_edition"),
    *("ci_offer_price_original", "ci_offer_price"),
    *("ci_print_list_price_original", "ci_print_list_price", "is_royalty"),
)
TERMS = ("4218", "Fall 2026, A", "full-delta", "Z'Été")
BEGINNING = dt.datetime(2026, 11, 21, 8, tzinfo=dt.UTC)  # a Saturday
MONDAY = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
STATUSES = ("Submitted", "Researching", "Approved", "Canceled", "Denied")
DAY = dt.timedelta(days=1)
PROGRAMS = [Path(found).parent for found in [shutil.which("initdb")] if found]
PRICES = st.sampled_from([None, "0", "12.5", "19.99", "40", "0.125", "1000000.1"])
TEXTS = st.one_of(
    st.sampled_from(["Field Botany", "null", "a\\", 'say "no"', "a\nb", '\\"', "ж\t;"]),
    st.text('a"\\,\n\r\u2028 é', min_size=1, max_size=6),
)
COUNTED = {"histories": 0, "nights": 0, "files": 0, "held": 0, "broken": 0}


def instant(moment: dt.datetime, form: int = 0) -> str:
    """A time as sources write it: there are several ways."""
    forms = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M+00:00")
    return moment.strftime(forms[form % 3])


def minute(text: str | None) -> str | None:
    return text[:16].replace("T", " ") if text else None


def money(price: str | None) -> str | None:
    cents = Decimal("0.01")
    return price and str(Decimal(price).quantize(cents, ROUND_HALF_UP))


def word(text: str | None) -> str | None:
    """A text as a reader gets it: a blank is missing, and so is the word null."""
    return text if text and text.strip(" ") and text != "null" else None


def shown(order: dict) -> bool:
    """Can an order be shown at all?"""
    items = order["catalog_items"] + order["content_requests"]
    known = all(each["status"] in STATUSES for each in order["content_requests"])
    return bool(items and order["sections"] and known)


def expected(order: dict) -> list[Row]:
    """The rows of one order, from the specification: items by sections."""
    if not shown(order):
        return []
    same = {
        "order_id": str(order["order_id"]),
        "order_created": minute(order["created_at"]),
        "order_updated": minute(order["updated_at"]),
        "is_deleted": "true" if order["canceled_at"] else "false",
        "is_royalty": "true" if order["is_royalty"] else "false",
    }
    items: list[Row] = [
        {
            "order_item_type": "catalog_item",
            "content_id": item["content_id"],
            "ci_author": word(";".join(item["author"])),
            "ci_title": word(item["title"]),
            "ci_offer_price_original": money(item["offer_price_original"]),
            "ci_offer_price": money(item["offer_price"]),
        }
        for item in order["catalog_items"]
    ] + [
        {
            "order_item_type": "content_request",
            "cr_created": minute(request["created_at"]),
            "cr_title": word(request["title"]),
            "cr_status": request["status"],
        }
        for request in order["content_requests"]
    ]
    sections = {each["sis_section_id"] for each in order["sections"]}
    return [
        {**dict.fromkeys(HEADER), **same, **item, "sis_section_id": section}
        for item in items
        for section in sections
    ]


class Nights(RuleBasedStateMachine):
    """An order tool, its nights, and two readers who differ in what they read first."""

    template: Template
    patched: pytest.MonkeyPatch

    # ---------------------------------------------------------------- the world
    @initialize(weekday=st.integers(0, 6))
    def begin(self, weekday: int) -> None:
        COUNTED["histories"] += 1
        self.folder = Path(tempfile.mkdtemp(prefix="orders"))
        self.house = OrderHouse(self.folder, self.template)
        self.house.patch(self.patched)
        self.readers = [Consumer()]
        self.at = BEGINNING + dt.timedelta(days=weekday)
        self.terms: dict[str, dict] = {}
        self.orders: dict[int, dict] = {}
        self.gone: dict[int, dict] = {}  # vanished at the source, to come back
        # What each term's reader was last told, and when each file was settled.
        self.told: dict[str, list[Row]] = {}
        self.settled: dict[str, str] = {}
        self.day: dict[str, dt.date] = {}
        self.sent: dict[str, list[Row]] = {}
        self.names: set[str] = set()
        self.open_intents = False
        self.built: dict[str, list[Row]] = {}
        self.clean = True  # nothing went wrong since the last good night
        self.number = 0
        self.add_term()
        self.place()

    def add_term(self) -> None:
        name = TERMS[len(self.terms)]
        self.terms[name] = {
            "sis_term_id": name,
            "name": name,
            "ordering_opens_at": instant(BEGINNING - dt.timedelta(days=9)),
            "ordering_closes_at": "2030-01-01T00:00:00Z",
            "is_archived": False,
        }

    def place(self) -> None:
        self.number += 1
        self.orders[self.number] = {
            "order_id": self.number,
            "sis_term_id": list(self.terms)[self.number % len(self.terms)],
            "created_at": instant(self.at, self.number),
            "updated_at": None,
            "canceled_at": None,
            "is_royalty": self.number % 2 == 0,
            "sections": [{"sis_section_id": "S1"}, {"sis_section_id": "S2"}],
            "catalog_items": [self.item(0, "Field Botany", "12.5")],
            "content_requests": [],
        }

    def item(self, number: int, title: str, price: str | None) -> dict:
        return {
            "content_id": f"c-{number}",
            "author": ["Roe, A.", "Poe, B."][: number % 3],
            "title": title,
            "offer_price_original": "40",
            "offer_price": price,
        }

    def any_order(self, data: st.DataObject) -> dict:
        order = self.orders[data.draw(st.sampled_from(sorted(self.orders)), "order")]
        if data.draw(st.booleans(), "touch updated_at"):
            order["updated_at"] = instant(self.at, order["order_id"] + 1)
        return order

    # ---------------------------------------------------------------- the source
    @precondition(lambda self: len(self.terms) < len(TERMS))
    @rule()
    def open_another_term(self) -> None:
        self.add_term()

    @rule(count=st.integers(1, 2))
    def create_orders(self, count: int) -> None:
        for _ in range(count):
            self.place()

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), title=TEXTS, price=PRICES, number=st.integers(0, 3))
    def add_item(self, data, title: str, price: str | None, number: int) -> None:
        items = self.any_order(data)["catalog_items"]
        items.append(self.item(number, title, price))

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), title=TEXTS, status=st.sampled_from(STATUSES))
    def add_request(self, data, title: str, status: str) -> None:
        order = self.any_order(data)
        request = {"created_at": instant(self.at), "title": title, "status": status}
        order["content_requests"].append({**request, "isbn": None})

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), which=st.integers(0, 9))
    def repeat_item(self, data, which: int) -> None:
        if items := self.any_order(data)["catalog_items"]:
            items.append(dict(items[which % len(items)]))

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), which=st.integers(0, 9))
    def remove_item(self, data, which: int) -> None:
        order = self.any_order(data)
        items = order["catalog_items"] or order["content_requests"]
        if items:
            items.pop(which % len(items))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def remove_every_item(self, data) -> None:
        order = self.any_order(data)
        order["catalog_items"], order["content_requests"] = [], []

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), which=st.integers(0, 9), price=PRICES)
    def change_price(self, data, which: int, price: str | None) -> None:
        if items := self.any_order(data)["catalog_items"]:
            items[which % len(items)]["offer_price"] = price

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def swap_prices(self, data) -> None:
        for item in self.any_order(data)["catalog_items"]:
            item["offer_price"], item["offer_price_original"] = (
                item["offer_price_original"],
                item["offer_price"],
            )

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), title=TEXTS)
    def change_title(self, data, title: str) -> None:
        for item in self.any_order(data)["catalog_items"][:1]:
            item["title"] = title

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), status=st.sampled_from([*STATUSES, "Lost"]))
    def change_status(self, data, status: str) -> None:
        for request in self.any_order(data)["content_requests"][-1:]:
            request["status"] = status

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), section=st.sampled_from(["S1", "S2", "S3", 'S"4\\']))
    def change_sections(self, data, section: str) -> None:
        sections = self.any_order(data)["sections"]
        if {"sis_section_id": section} in sections:
            sections.remove({"sis_section_id": section})
        else:
            sections.append({"sis_section_id": section})

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def cancel_or_not(self, data) -> None:
        order = self.any_order(data)
        order["canceled_at"] = None if order["canceled_at"] else instant(self.at)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def vanish(self, data) -> None:
        order = self.any_order(data)
        self.gone[order["order_id"]] = self.orders.pop(order["order_id"])

    @rule()
    def repair(self) -> None:
        """What vanished comes back canceled, what is bare is filled."""
        for order in self.gone.values():
            order["canceled_at"] = instant(self.at)
        self.orders |= self.gone
        self.gone = {}
        for order in self.orders.values():
            if not order["catalog_items"] + order["content_requests"]:
                order["catalog_items"].append(self.item(1, "Put back", None))
            order["sections"] = order["sections"] or [{"sis_section_id": "S9"}]
            for request in order["content_requests"]:
                request["status"] = request["status"].replace("Lost", "Denied")

    @rule(data=st.data(), archived=st.booleans())
    def close_or_open(self, data, archived: bool) -> None:
        """Ordering closes, or opens, at the very moment of the next night."""
        term = self.terms[data.draw(st.sampled_from(sorted(self.terms)))]
        coming = instant(self.at + dt.timedelta(days=1))
        if self.is_open(term["sis_term_id"], self.at):
            term["is_archived"] = archived
            term["ordering_closes_at"] = coming
        else:
            term |= {"is_archived": False, "ordering_opens_at": coming}
            term["ordering_closes_at"] = "2030-01-01T00:00:00Z"

    # ---------------------------------------------------------------- the nights
    def is_open(self, term: str, at: dt.datetime) -> bool:
        said = self.terms[term]
        opens, closes = said["ordering_opens_at"], said["ordering_closes_at"]
        return opens <= instant(at) < closes and not said["is_archived"]

    def build(self, at: dt.datetime) -> None:
        source = {
            "terms": list(self.terms.values()),
            "orders": list(self.orders.values()),
        }
        self.house.build(source, at)
        self.built = {
            term: in_order(
                row
                for order in self.orders.values()
                if order["sis_term_id"] == term
                for row in expected(order)
            )
            for term in self.terms
        }

    def foreseen(self, at: dt.datetime) -> dict[str, str]:
        """What becomes of every file if nothing goes wrong."""
        outcomes = {}
        for term in filter(lambda term: self.is_open(term, at), self.terms):
            now, told = self.built[term], self.told.get(term, [])
            lost = {row["order_id"] for row in told} - {row["order_id"] for row in now}
            due = {"delta": last(at, BEGINNING, 1), "full": last(at, MONDAY, 7)}
            for kind, period in due.items():
                label = f"order_feed_{kind}_file.{term}"
                if self.settled.get(label, "") >= instant(period):
                    outcomes[label] = "not due"
                elif kind == "delta" and self.day.get(term) == at.date():
                    outcomes[label] = "waiting"  # one name a day, and one build
                elif lost or (kind == "full" and not now):
                    outcomes[label] = "held"
                else:
                    changed = kind == "full" or now != told
                    outcomes[label] = "delivered" if changed else "skipped"
        return outcomes

    def publish(self, at: dt.datetime, *faults: str) -> dict[str, str]:
        """Publish what is due; learn from the ledger what the reader was sent."""
        outcomes = self.house.publish(at, *faults)
        records = self.house.ledger  # read anew: its chain is whole
        for record in records.all("intent"):
            self.sent.setdefault(record["attempt"], self.built.get(record["split"]))
        ended = records.outcomes()
        for record in records.all("intent"):  # in the order in which they arrived
            outcome = ended.get(record["attempt"])
            if outcome and outcome["event"] == "delivered":
                self.told[record["split"]] = self.sent[record["attempt"]]
                day = dt.date.fromisoformat(record["logical"][:10])
                self.day[record["split"]] = day
                self.names.add(record["name"])
        for record in records.all("delivered", "nothing"):
            self.settled[record["file"]] = record["logical"]
        for label, outcome in outcomes.items():
            status = outcome.told["status"]
            COUNTED["held"] += status == "held"
            assert (outcome.code == 1) == (status in ("held", "refused")), outcome
            if status == "skipped":  # no file, and the ledger says why
                (*_, said) = (r for r in records.all() if r.get("file") == label)
                assert (said["event"], said["because"]) == (
                    "nothing",
                    "nothing changed",
                )
        self.open_intents = bool(records.open_intents())
        return {
            label: outcome.told["status"]
            for label, outcome in outcomes.items()
            if outcome.told["status"] != "nothing open"
        }

    def good(self, at: dt.datetime) -> None:
        """Build and publish on a sound line."""
        COUNTED["nights"] += 1
        self.build(at)
        if not self.clean:
            # What an earlier run left open is settled first, by looking. What was
            # built before that is no news, what is built after it is.
            self.publish(at)
            self.build(at)
            self.clean = True
        foreseen = self.foreseen(at)
        assert self.publish(at) == foreseen
        again = {
            label: "held" if status == "held" else status
            for label, status in foreseen.items()
            if status in ("held", "waiting")
        }
        # Twice sends nothing twice.
        done = dict.fromkeys(foreseen, "not due") | again
        before = len(self.house.ledger.all("intent"))
        assert self.publish(at) == done
        assert len(self.house.ledger.all("intent")) == before

    @rule(fetch=st.booleans())
    def night(self, fetch: bool) -> None:
        self.at += dt.timedelta(days=1)
        self.good(self.at)
        if fetch:
            self.fetch()

    @rule(fetch=st.booleans())
    def quiet_night(self, fetch: bool) -> None:
        """Nothing is wrong, and just one price differs: held nights teach little."""
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
        """Somebody publishes what is due at two in the morning."""
        self.good(self.at + dt.timedelta(hours=18))
        if fetch:
            self.fetch()

    @rule(
        faults=st.lists(
            st.sampled_from(["ok", "refuse", "put", "before", "after", "lost", "down"]),
            min_size=1,
            max_size=4,
        )
    )
    def bad_night(self, faults: list[str]) -> None:
        COUNTED["nights"] += 1
        COUNTED["broken"] += 1
        self.at += dt.timedelta(days=1)
        self.clean = False
        self.build(self.at)
        self.publish(self.at, *faults)

    def fetch(self) -> None:
        """The readers take what lies there, and must now hold what they were told."""
        if self.open_intents:
            return
        # A part of which the line broke twice may lie there too: nobody reads those.
        files = sorted(self.house.partner.glob("*.csv"))
        for file in files:
            assert file.name in self.names, "a file that the ledger does not know"
            assert DIALECT.fullmatch(file.read_bytes()), file.read_bytes()
            header = file.read_text(encoding="utf-8").partition("\n")[0]
            assert header == ",".join(f'"{name}"' for name in HEADER)
        COUNTED["files"] += len(files)
        for reader in self.readers:
            reader.take(files)
            for term, rows in self.told.items():
                assert reader.rows(term) == rows, term
        for file in files:
            file.unlink()

    def teardown(self) -> None:
        """In the end everything is repaired and open, and the next night is good."""
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
                assert {t: r for t, r in self.told.items() if r} == {
                    t: r for t, r in self.built.items() if r
                }
                for reader in self.readers:
                    reader.close()
        finally:
            if hasattr(self, "folder"):
                shutil.rmtree(self.folder)


def last(at: dt.datetime, one: dt.datetime, days: int) -> dt.datetime:
    """The last of the times `one` plus or minus so many days, up to `at`."""
    return at - (at - one) % dt.timedelta(days=days)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template.build(tmp_path_factory.mktemp("template"))


@pytest.fixture
def house(
    template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> OrderHouse:
    house = OrderHouse(tmp_path / "house", template)
    house.patch(monkeypatch)
    return house


def term(name: str = "4218") -> dict:
    return {
        "sis_term_id": name,
        "name": name,
        "ordering_opens_at": "2026-01-01T00:00:00Z",
        "ordering_closes_at": "2030-01-01T00:00:00Z",
        "is_archived": False,
    }


def order(number: int, *titles: str, sections: str = "S1", **more: object) -> dict:
    return {
        "order_id": number,
        "sis_term_id": "4218",
        "created_at": "2026-11-01T09:30:00Z",
        "updated_at": None,
        "canceled_at": None,
        "is_royalty": False,
        "sections": [{"sis_section_id": name} for name in sections.split()],
        "catalog_items": [
            {
                "content_id": f"c-{place}",
                "author": [],
                "title": title,
                "offer_price": None,
                "offer_price_original": None,
            }
            for place, title in enumerate(titles)
        ],
        "content_requests": [],
        **more,
    }


def night(
    house: OrderHouse, at: dt.datetime, *orders: dict, faults: tuple[str, ...] = ()
) -> dict[str, str]:
    """Build and publish; what became of each kind of file."""
    house.build({"terms": [term()], "orders": list(orders)}, at)
    outcomes = house.publish(at, *faults)
    return {label.split("_")[2]: o.told["status"] for label, o in outcomes.items()}


def held_after(house: OrderHouse, reader: Consumer) -> set[tuple]:
    """Order, section and title of what a reader holds once it took what lies there."""
    files = sorted(house.partner.glob("*.csv"))
    reader.take(files)
    for file in files:
        file.unlink()
    rows = reader.rows("4218")
    return {(row["order_id"], row["sis_section_id"], row["ci_title"]) for row in rows}


def test_a_reader_by_section_keeps_what_was_taken_off_an_order(
    house: OrderHouse,
) -> None:
    by_order, by_section = Consumer(), Consumer(by="section")
    night(house, MONDAY, order(1, "Botany", sections="S1 S2"))
    for file in house.partner.glob("*.csv"):
        by_section.apply(file)
    held_after(house, by_order)
    night(house, MONDAY + DAY, order(1, "Geology", sections="S1"))
    for file in house.partner.glob("*.csv"):
        by_section.apply(file)
    assert held_after(house, by_order) == {("1", "S1", "Geology")}
    # S2 is in no file any more, so nothing makes this reader let go of it.
    assert {
        (row["sis_section_id"], row["ci_title"]) for row in by_section.rows("4218")
    } == {("S1", "Geology"), ("S2", "Botany")}


def test_a_full_file_tells_a_reader_which_orders_are_gone(house: OrderHouse) -> None:
    night(house, MONDAY, order(1, "Botany"))
    (full,) = house.partner.glob("*-full.csv")
    reader = Consumer()
    stray = full.with_name("2026-11-22-4218-order-feed-delta.csv")
    stray.write_bytes(full.read_bytes().replace(b'"1"', b'"7"'))
    assert reader.take([full, stray]) == ["7"]


def test_a_second_delta_of_a_day_waits_for_the_next(house: OrderHouse) -> None:
    """Caught up at two, then due at eight: one name, and the first may lie there."""
    reader = Consumer()
    night(house, MONDAY + DAY, order(1, "Botany"))
    held_after(house, reader)
    early = MONDAY + 2 * DAY + dt.timedelta(hours=18)  # Wednesday night was missed
    assert night(house, early, order(1, "Geology"))["delta"] == "delivered"
    morning = MONDAY + 3 * DAY
    now = (order(1, "Geology"), order(2, "Music"))
    assert night(house, morning, *now)["delta"] == "waiting"
    assert held_after(house, reader) == {("1", "S1", "Geology")}
    assert night(house, morning + DAY, *now)["delta"] == "delivered"
    assert held_after(house, reader) == {("1", "S1", "Geology"), ("2", "S1", "Music")}


def test_a_delivery_settled_late_does_not_undo_a_newer_one(house: OrderHouse) -> None:
    """Sunday's delta arrives unseen, Monday's line fails it once more, a full goes."""
    reader = Consumer()
    sunday = MONDAY + 6 * DAY
    night(house, sunday - DAY, order(1, "Botany"))
    told = night(house, sunday, order(1, "Geology"), faults=("lost",))
    assert told["delta"] == "temporary"
    night(house, sunday + DAY, order(1, "Music"), faults=("down",))
    night(house, sunday + 2 * DAY, order(1, "Geology"))
    night(house, sunday + 3 * DAY, order(1, "Geology"))
    assert held_after(house, reader) == {("1", "S1", "Geology")}


LONG = "10,000 " + 'é\\"x' * 2498 + "."
VALUES = {
    "null": b'"null"',
    'say "hi"': rb'"say \"hi\""',
    "a trailing backslash\\": rb'"a trailing backslash\\"',
    "two\\\\": rb'"two\\\\"',
    '\\"': rb'"\\\""',
    "line\nfeed\r\nand\ttab": b'"line\nfeed\r\nand\ttab"',
    "a,b;c '": b'"a,b;c \'"',
    "Ж 書 🎼 e\u0301 \u2028 \ufeff": '"Ж 書 🎼 e\u0301 \u2028 \ufeff"'.encode(),
    "NULL \\N \\.": rb'"NULL \\N \\."',
}
VALUES[LONG] = ('"10,000 ' + r"é\\\"x" * 2498 + '."').encode()


@pytest.fixture
def awkward(house: OrderHouse) -> Path:
    """A full file with every value that is hard to write, one order each."""
    orders = [order(number, title) for number, title in enumerate(VALUES, 1)]
    assert night(house, MONDAY, *orders)["full"] == "delivered"
    (full,) = house.partner.glob("*-full.csv")
    return full


def test_what_is_written_is_pinned_byte_for_byte(awkward: Path) -> None:
    assert len(LONG) == 10_000
    void = b'"null",'
    lines = [
        b'"%d","2026-11-01 09:30","null","S1","null","c-0","false","catalog_item",'
        % number
        + void
        + written
        + b","
        + void * 14
        + b'"false"\n'
        for number, written in enumerate(VALUES.values(), 1)
    ]
    header = ",".join(f'"{name}"' for name in HEADER).encode() + b"\n"
    assert awkward.read_bytes() == header + b"".join(lines)
    assert DIALECT.fullmatch(awkward.read_bytes())


def test_python_reads_back_what_was_meant(awkward: Path) -> None:
    titles = [row["ci_title"] for row in read(awkward)]
    # What the format cannot say is the first: the audit calls it NULL_TEXT.
    assert titles == [None, *list(VALUES)[1:]]


def test_postgresql_reads_back_what_was_meant(awkward: Path, tmp_path: Path) -> None:
    """COPY takes the escape character; a server in single-user mode needs no port."""
    programs = [*Path("/usr/lib/postgresql").glob("*/bin"), *PROGRAMS]
    found = [each for each in programs if (each / "initdb").exists()]
    if not found:
        pytest.skip("PostgreSQL is not installed: no initdb was found")
    # It refuses to run as root, and may not enter the folders of pytest.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="copy") as name:
        folder = Path(name)
        shutil.copy(awkward, folder / "in.csv")
        if user:
            for path in (folder, folder / "in.csv"):
                shutil.chown(path, user)

        def run(program: str, *words: object, **more: str) -> None:
            done = subprocess.run(
                [str(found[-1] / program), *map(str, words)],
                cwd=folder,
                user=user,
                extra_groups=[] if user else None,
                capture_output=True,
                text=True,
                check=False,
                **more,
            )
            assert done.returncode == 0, done.stderr
            assert "ERROR" not in done.stderr, done.stderr

        run(
            "initdb",
            "-D",
            folder / "db",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
            "-A",
            "trust",
        )
        columns = ", ".join(f"{column} text" for column in HEADER)
        run(
            "postgres", "--single", "-F", "-D", folder / "db", "postgres",
            input=f"create table t ({columns});\n"
            f"copy t from '{folder}/in.csv' (format csv, header, escape '\\');\n"
            "copy (select encode(convert_to(json_agg(t)::text, 'UTF8'), 'hex') from t)"
            f" to '{folder}/out.hex';\n",
        )  # fmt: skip
        rows = json.loads(bytes.fromhex((folder / "out.hex").read_text()))
    assert [row["ci_title"] for row in rows] == list(VALUES)
    assert [
        {name: None if value == "null" else value for name, value in row.items()}
        for row in rows
    ] == read(awkward)


@pytest.mark.timeout(0 if HISTORIES > 100 else 300)
def test_the_reader_always_arrives_at_the_source(
    template: Template, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    class Machine(Nights):
        pass

    Machine.template, Machine.patched = template, monkeypatch
    began = time.monotonic()
    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=HISTORIES,
                stateful_step_count=40,
                deadline=None,
                database=None,
                print_blob=False,
                derandomize=HISTORIES < 100,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            ),
        )
    finally:
        with capsys.disabled():
            told = ", ".join(f"{number:,} {name}" for name, number in COUNTED.items())
            sys.stdout.write(f"\n{told}, {time.monotonic() - began:.0f} s\n")
    assert COUNTED["histories"] >= HISTORIES
