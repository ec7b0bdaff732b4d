"""Order Time and the order tool with few records, and all that can happen to them.

Each function marked `edit` is one edit; it draws what it needs. An edit that has
nothing to change changes nothing.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st
from order_expected import STATUSES, instant

Draw = Callable[..., Any]
Record = dict[str, Any]
Edit = TypeVar("Edit", bound=Callable[..., None])
EDITS: dict[str, list[str]] = {"parts": [], "orders": []}

TERMS = ("4218", "Fall 2026, A", "full-delta")
# A Saturday of the past: real dbt writes the time of today. A leap day follows.
BEGINNING = dt.datetime(2023, 11, 25, 8, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
PRICES = st.sampled_from([None, "0", "12.5", "19.99", "40", "0.125", "1000000.1"])
TEXTS = st.one_of(
    st.sampled_from(["Field Botany", "null", "a\\", 'say "no"', "a\nb", '\\"', "ж\t;"]),
    st.text('a"\\,\n\r\u2028 é', min_size=1, max_size=6),
)
LOCATIONS = ("HQ", "Warehouse East")
TYPES = ("OEM", "AM", "OD")


def edit(kind: str) -> Callable[[Edit], Edit]:
    """List a function as an edit of `parts` or of `orders`."""

    def listed(function: Edit) -> Edit:
        EDITS[kind].append(function.__name__)
        return function

    return listed


class Source:
    """The records of both sources, and their edits.

    Attributes:
        at: the logical time of the last night.
        items: part items by id, as Order Time sends them, but for `part_type` and
            `list_price`, which it sends as custom fields.
        stock: stock rows by item and location: the quantities on hand and available.
        terms, orders: as the order tool sends them, by id.
        removed: orders that vanished at the source, to come back.
        more: members of every item and order that nobody knows yet.
    """

    def __init__(self, weekday: int) -> None:
        """Start with ten parts, two terms and four orders, days after a Saturday."""
        self.at = BEGINNING + DAY * weekday
        self.items: dict[int, Record] = {}
        self.stock: dict[tuple[int, str], Record] = {}
        self.terms: dict[str, Record] = {}
        self.orders: dict[int, Record] = {}
        self.removed: dict[int, Record] = {}
        self.number = 0
        self.more: Record = {}
        for number in range(1, 11):
            self._offer(number, TYPES[number % 2], LOCATIONS[: 1 + number % 2])
        for _ in range(2):
            self._add_term()
        for _ in range(4):
            self._place()

    def records(self) -> dict[str, list[Record]]:
        """Return the records of both sources, as their APIs send them."""
        return {
            "locations": [
                {"Id": number, "Name": name, "IsAvailable": True, "IsActive": True}
                for number, name in enumerate(LOCATIONS, start=1)
            ],
            "item_groups": [{"Id": 1, "Name": "Bumper Covers"}],
            "manufacturers": [{"Id": 7, "Name": "Example Stamping"}],
            "part_items": [_sent(item) | self.more for item in self.items.values()],
            "stock_by_location": [
                {
                    "ItemRef": {"Id": item, "Name": self.items[item]["Name"]},
                    "LocationRef": {"Id": LOCATIONS.index(place) + 1, "Name": place},
                    **quantities,
                }
                for (item, place), quantities in self.stock.items()
            ],
            "terms": [*self.terms.values()],
            "orders": [order | self.more for order in self.orders.values()],
        }

    # ------------------------------------------------------------------------ parts
    def _offer(self, number: int, part_type: str, places: tuple[str, ...]) -> None:
        self.items[number] = {
            "Id": number,
            "Type": 101,
            "Name": f"SKU-{number}",
            "ManufacturerPartNo": f"EX-{number}00",
            "Description": "Front bumper cover",
            "IsActive": True,
            "ItemGroupRef": {"Id": 1, "Name": "Bumper Covers"},
            "ManufacturerRef": {"Id": 7, "Name": "Example Stamping"},
            "Price": 100 + number / 2,
            "part_type": part_type,
            "list_price": "500" if part_type == "OD" else None,
        }
        for place in places:
            self.stock[number, place] = {"OnHand": 10, "Available": 10}

    def _item(self, draw: Draw) -> Record:
        return self.items[draw(st.sampled_from(sorted(self.items)), "item")]

    @edit("parts")
    def offer_another(self, draw: Draw) -> None:
        """List an item that was never offered before."""
        if len(self.items) < 14:
            number = len(self.items) + 1
            self._offer(number, draw(st.sampled_from(TYPES)), LOCATIONS[number % 2 :])

    @edit("parts")
    def change_price(self, draw: Draw) -> None:
        """Change a price by a share; above 40 % it is a jump."""
        item = self._item(draw)
        share = draw(st.sampled_from([0.5, 0.61, 0.9, 1.1, 1.39, 1.41, 3]), "share")
        is_text = isinstance(item["Price"], str)  # it was spoiled
        item["Price"] = round((100 if is_text else item["Price"] or 100) * share, 2)

    @edit("parts")
    def spoil_price(self, draw: Draw) -> None:
        """Take a price away, or make it one that cannot be."""
        self._item(draw)["Price"] = draw(
            st.sampled_from([None, 0, 0.004, -5, "ask", 2_000_000]), "price"
        )

    @edit("parts")
    def repair_price(self, draw: Draw) -> None:
        """Give an item the price that it had at first."""
        item = self._item(draw)
        item["Price"] = 100 + item["Id"] / 2

    @edit("parts")
    def change_quantity(self, draw: Draw) -> None:
        """Count the stock of an item at a place."""
        key = draw(st.sampled_from(sorted(self.stock)), "stock")
        quantity = draw(
            st.sampled_from([0, 0, 1, 4, 5, 12, 40, -1, 2.5, 10_000, None]), "quantity"
        )
        self.stock[key] = {"OnHand": quantity, "Available": quantity}

    @edit("parts")
    def commit_stock(self, draw: Draw) -> None:
        """Nothing of what is on hand is available."""
        key = draw(st.sampled_from(sorted(self.stock)), "stock")
        self.stock[key]["Available"] = 0

    @edit("parts")
    def sell_out(self, draw: Draw) -> None:
        """Sell all of an item, at every place."""
        number = self._item(draw)["Id"]
        for key in self.stock:
            if key[0] == number:
                self.stock[key] = {"OnHand": 0, "Available": 0}

    @edit("parts")
    def restock(self, draw: Draw) -> None:
        """Fill every place of one item, or of all."""
        one = draw(st.booleans(), "one") and self._item(draw)["Id"]
        for key in self.stock:
            if not one or key[0] == one:
                self.stock[key] = {"OnHand": 9, "Available": 9}

    @edit("parts")
    def stock_elsewhere(self, draw: Draw) -> None:
        """Store an item at a place, or remove its stock row there."""
        key = (self._item(draw)["Id"], draw(st.sampled_from(LOCATIONS), "place"))
        if key in self.stock and len(self.stock) > 4:
            del self.stock[key]
        else:
            self.stock[key] = {"OnHand": 7, "Available": 7}

    @edit("parts")
    def retire_or_not(self, draw: Draw) -> None:
        """Make an item inactive, or active again."""
        item = self._item(draw)
        item["IsActive"] = not item["IsActive"]

    @edit("parts")
    def change_type(self, draw: Draw) -> None:
        """Give an item another part type, or a word that is none."""
        item = self._item(draw)
        item["part_type"] = draw(st.sampled_from([*TYPES, "Puzzle"]), "type")
        item["list_price"] = "500" if item["part_type"] == "OD" else None

    @edit("parts")
    def change_maker(self, draw: Draw) -> None:
        """Change the manufacturer, which is the brand."""
        name = draw(st.sampled_from(["Example Stamping", "Other Works"]), "maker")
        self._item(draw)["ManufacturerRef"] = {"Id": 7, "Name": name}

    # ----------------------------------------------------------------------- orders
    def _add_term(self) -> None:
        name = TERMS[len(self.terms)]
        self.terms[name] = {
            "sis_term_id": name,
            "name": name,
            "ordering_opens_at": instant(BEGINNING - 9 * DAY),
            "ordering_closes_at": "2030-01-01T00:00:00Z",
            "is_archived": False,
        }

    def _place(self) -> None:
        self.number += 1
        self.orders[self.number] = {
            "order_id": self.number,
            "sis_term_id": list(self.terms)[self.number % len(self.terms)],
            "created_at": instant(self.at, self.number),
            "updated_at": None,
            "canceled_at": None,
            "is_royalty": self.number % 2 == 0,
            "sections": [{"sis_section_id": "S1"}, {"sis_section_id": "S2"}],
            "catalog_items": [_catalog_item(0, "Field Botany", "12.5")],
            "content_requests": [],
        }

    def _order(self, draw: Draw) -> Record:
        if not self.orders:
            self._place()
        order = self.orders[draw(st.sampled_from(sorted(self.orders)), "order")]
        if draw(st.booleans(), "touch updated_at"):
            order["updated_at"] = instant(self.at, order["order_id"] + 1)
        return order

    def is_open(self, term: str, at: dt.datetime) -> bool:
        """Return whether a term is open for ordering."""
        record = self.terms[term]
        opens, closes = record["ordering_opens_at"], record["ordering_closes_at"]
        return opens <= instant(at) < closes and not record["is_archived"]

    @edit("orders")
    def open_another_term(self, draw: Draw) -> None:
        """Add a term, while there are names."""
        if len(self.terms) < len(TERMS):
            self._add_term()

    @edit("orders")
    def create_orders(self, draw: Draw) -> None:
        """Place one or two orders, up to ten."""
        for _ in range(draw(st.integers(1, 2), "orders")):
            if self.number < 10:
                self._place()

    @edit("orders")
    def add_item(self, draw: Draw) -> None:
        """Put a catalog item on an order."""
        items = self._order(draw)["catalog_items"]
        if len(items) < 4:
            number, title = draw(st.integers(0, 3), "content"), draw(TEXTS, "title")
            items.append(_catalog_item(number, title, draw(PRICES, "price")))

    @edit("orders")
    def add_request(self, draw: Draw) -> None:
        """Put a content request on an order."""
        requests = self._order(draw)["content_requests"]
        if len(requests) < 3:
            title, status = draw(TEXTS, "title"), draw(st.sampled_from(STATUSES))
            request = {"created_at": instant(self.at), "title": title, "isbn": None}
            requests.append({**request, "status": status})

    @edit("orders")
    def repeat_item(self, draw: Draw) -> None:
        """Put an item on an order once more."""
        items = self._order(draw)["catalog_items"]
        if items and len(items) < 4:
            items.append(dict(items[draw(st.integers(0, 9)) % len(items)]))

    @edit("orders")
    def remove_item(self, draw: Draw) -> None:
        """Take an item or a request off an order."""
        order = self._order(draw)
        items = order["catalog_items"] or order["content_requests"]
        if items:
            items.pop(draw(st.integers(0, 9)) % len(items))

    @edit("orders")
    def remove_every_item(self, draw: Draw) -> None:
        """Take everything off an order."""
        order = self._order(draw)
        order["catalog_items"], order["content_requests"] = [], []

    @edit("orders")
    def change_offer(self, draw: Draw) -> None:
        """Change the price of an item on an order."""
        items = self._order(draw)["catalog_items"]
        if items:
            item = items[draw(st.integers(0, 9)) % len(items)]
            item["offer_price"] = draw(PRICES, "price")

    @edit("orders")
    def swap_offers(self, draw: Draw) -> None:
        """Swap the two prices of each item of an order."""
        for item in self._order(draw)["catalog_items"]:
            item["offer_price"], item["offer_price_original"] = (
                item["offer_price_original"],
                item["offer_price"],
            )

    @edit("orders")
    def change_title(self, draw: Draw) -> None:
        """Change the title of the first item of an order."""
        for item in self._order(draw)["catalog_items"][:1]:
            item["title"] = draw(TEXTS, "title")

    @edit("orders")
    def change_status(self, draw: Draw) -> None:
        """Change the status of a request, also to one that is unknown."""
        for request in self._order(draw)["content_requests"][-1:]:
            request["status"] = draw(st.sampled_from([*STATUSES, "Lost"]), "status")

    @edit("orders")
    def change_sections(self, draw: Draw) -> None:
        """Put a section on an order, or take it off."""
        sections = self._order(draw)["sections"]
        name = draw(st.sampled_from(["S1", "S2", "S3", 'S"4\\']), "section")
        if {"sis_section_id": name} in sections:
            sections.remove({"sis_section_id": name})
        else:
            sections.append({"sis_section_id": name})

    @edit("orders")
    def cancel_or_not(self, draw: Draw) -> None:
        """Cancel an order, or place it again."""
        order = self._order(draw)
        order["canceled_at"] = None if order["canceled_at"] else instant(self.at)

    @edit("orders")
    def vanish(self, draw: Draw) -> None:
        """Remove an order from the source without a trace."""
        order = self._order(draw)
        self.removed[order["order_id"]] = self.orders.pop(order["order_id"])

    @edit("orders")
    def repair_orders(self, draw: Draw) -> None:
        """Bring back vanished orders as canceled, and fill empty ones."""
        for order in self.removed.values():
            order["canceled_at"] = instant(self.at)
        self.orders |= self.removed
        self.removed = {}
        for order in self.orders.values():
            if not order["catalog_items"] + order["content_requests"]:
                order["catalog_items"].append(_catalog_item(1, "Put back", None))
            order["sections"] = order["sections"] or [{"sis_section_id": "S9"}]
            for request in order["content_requests"]:
                request["status"] = request["status"].replace("Lost", "Denied")

    @edit("orders")
    def move(self, draw: Draw) -> None:
        """Change the term of an order."""
        if len(self.terms) > 1:
            order = self._order(draw)
            others = [name for name in self.terms if name != order["sis_term_id"]]
            order["sis_term_id"] = draw(st.sampled_from(others), "term")

    @edit("orders")
    def close_or_open(self, draw: Draw) -> None:
        """Close or open ordering at the moment of the next night."""
        term = self.terms[draw(st.sampled_from(sorted(self.terms)), "term")]
        coming = instant(self.at + DAY)
        if self.is_open(term["sis_term_id"], self.at):
            term["is_archived"] = draw(st.booleans(), "archive")
            term["ordering_closes_at"] = coming
        else:
            term |= {"is_archived": False, "ordering_opens_at": coming}
            term["ordering_closes_at"] = "2030-01-01T00:00:00Z"

    def upgrade(self) -> None:
        """Send more of every item and order, as a newer version of a source does."""
        self.more = {"Revision": 2, "Labels": []}

    def repair_all(self) -> None:
        """Repair every record, and open every term."""
        self.repair_orders(lambda *_: None)
        for term in self.terms.values():
            term["is_archived"] = False
            term["ordering_closes_at"] = "2030-01-01T00:00:00Z"
            term["ordering_opens_at"] = instant(BEGINNING - 9 * DAY)
        for number, item in self.items.items():
            item |= {"IsActive": True, "Price": 100 + number / 2}
            item |= {"part_type": TYPES[number % 2], "list_price": None}
        for key in self.stock:
            self.stock[key] = {"OnHand": 10, "Available": 10}


def _catalog_item(number: int, title: str, price: str | None) -> Record:
    return {
        "content_id": f"c-{number}",
        "author": ["Roe, A.", "Poe, B."][: number % 3],
        "title": title,
        "offer_price_original": "40",
        "offer_price": price,
    }


def _sent(item: Record) -> Record:
    """Return an item as Order Time sends it: our own fields in slots."""
    slots = {"Part Type": item["part_type"], "List Price": item["list_price"],
             "OD Source": "dealer surplus",
             "OEM Number": f"7{item['Id']:04}E100"}  # fmt: skip
    sent = {
        name: value
        for name, value in item.items()
        if name not in ("part_type", "list_price")
    }
    return sent | {
        "CustomFields": [
            {"Name": f"Custom{number}", "Caption": caption, "Value": value}
            for number, (caption, value) in enumerate(slots.items())
        ]
    }
