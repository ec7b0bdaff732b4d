"""The source of the state machine: an order tool of a few orders, and its edits."""

import datetime as dt

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from order_expected import STATUSES, instant

TERMS = ("4218", "Fall 2026, A", "full-delta", "Z'Été")
BEGINNING = dt.datetime(2026, 11, 21, 8, tzinfo=dt.UTC)  # a Saturday
PRICES = st.sampled_from([None, "0", "12.5", "19.99", "40", "0.125", "1000000.1"])
TEXTS = st.one_of(
    st.sampled_from(["Field Botany", "null", "a\\", 'say "no"', "a\nb", '\\"', "ж\t;"]),
    st.text('a"\\,\n\r\u2028 é', min_size=1, max_size=6),
)


class Source(RuleBasedStateMachine):
    """Terms and orders, and all that can happen to them."""

    # ---------------------------------------------------------------- the records
    def start(self, weekday: int) -> None:
        """Start with a term and an order, so many days after a Saturday."""
        self.at = BEGINNING + dt.timedelta(days=weekday)
        self.terms: dict[str, dict] = {}
        self.orders: dict[int, dict] = {}
        self.gone: dict[int, dict] = {}  # vanished at the source, to come back
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

    def is_open(self, term: str, at: dt.datetime) -> bool:
        record = self.terms[term]
        opens, closes = record["ordering_opens_at"], record["ordering_closes_at"]
        return opens <= instant(at) < closes and not record["is_archived"]

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
        """Repair vanished and empty orders, and those of closed terms."""
        coming = self.at + dt.timedelta(days=1)
        opened = [term for term in self.terms if self.is_open(term, coming)]
        for order in self.gone.values():
            order["canceled_at"] = instant(self.at)
        self.orders |= self.gone
        self.gone = {}
        for order in self.orders.values():
            if not order["catalog_items"] + order["content_requests"]:
                order["catalog_items"].append(self.item(1, "Put back", None))
            order["sections"] = order["sections"] or [{"sis_section_id": "S9"}]
            if opened and order["sis_term_id"] not in opened:
                order["sis_term_id"] = opened[0]
            for request in order["content_requests"]:
                request["status"] = request["status"].replace("Lost", "Denied")

    @precondition(lambda self: len(self.terms) > 1 and self.orders)
    @rule(data=st.data(), ahead=st.integers(1, 3))
    def move(self, data, ahead: int) -> None:
        """Change the term of an order."""
        order = self.orders[data.draw(st.sampled_from(sorted(self.orders)), "order")]
        names = list(self.terms)
        place = names.index(order["sis_term_id"])
        order["sis_term_id"] = names[(place + ahead) % len(names)]

    @rule(data=st.data(), archived=st.booleans())
    def close_or_open(self, data, archived: bool) -> None:
        """Close or open ordering at the moment of the next night."""
        term = self.terms[data.draw(st.sampled_from(sorted(self.terms)))]
        coming = instant(self.at + dt.timedelta(days=1))
        if self.is_open(term["sis_term_id"], self.at):
            term["is_archived"] = archived
            term["ordering_closes_at"] = coming
        else:
            term |= {"is_archived": False, "ordering_opens_at": coming}
            term["ordering_closes_at"] = "2030-01-01T00:00:00Z"
