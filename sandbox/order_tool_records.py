"""The order tool's records: terms and orders, filled and edited.

orders = Orders(server.records)
number = orders.create(sections=["HIST-201-001"], catalog_items=[item("UC-1")])
orders.change_item(number, "UC-1", offer_price=Verbatim("12.50"))
orders.cancel(number, "2026-11-20T06:00:00Z")
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.jsontext import (
    Verbatim,
    array_of,
    elements,
    first,
    text_of,
    with_member,
)
from sandbox.records import Query, Records, Row
from sandbox.sample_orders import OrderSample

TERMS, ORDERS = 1, 2
LISTS = {"terms": TERMS, "orders": ORDERS}
# By code point, as docs/order-tool-api.md promises.
BY_TERM = "(body ->> '$.sis_term_id')"

Source = OrderSample | Path | Mapping[str, Iterable[Row]]


def open_records(folder: Path) -> Records:
    """Open an empty store in a private folder."""
    return Records(folder, {TERMS: None, ORDERS: "order_id"})


def fill(records: Records, source: Source) -> None:
    """Fill an empty store.

    Args:
        records: the store.
        source: a sample; records by `terms` and `orders`, each a mapping or a JSON
            text; or a folder with `terms` and `orders`, each as `.json` or `.json.gz`
            with one JSON array of objects.

    Raises:
        Misuse: a file is missing, or is not an array of JSON objects.
    """
    if isinstance(source, OrderSample):
        source.fill(records)
    elif isinstance(source, Path):
        records.load_folder(source, LISTS, LISTS)
    else:
        for name, rows in source.items():
            records.load(LISTS[name], rows)


@dataclass(frozen=True, slots=True)
class Orders:
    """Edits orders and terms as users of the tool do.

    Other members keep every digit; a `Verbatim` value is written unchanged.
    """

    records: Records

    def ids(self) -> list[int]:
        """Return the ids of all orders, in ascending order."""
        return self.records.ids(Query(ORDERS))

    def get(self, order_id: int) -> dict[str, Any]:
        """Return one order, parsed.

        Raises:
            LookupError: there is no such order.
        """
        order: dict[str, Any] = json.loads(self._text(order_id))
        return order

    def create(self, **members: Any) -> int:
        """Add an order with these members and return its id.

        Other members are empty. `sections` may be a list of plain ids. Without
        `order_id`, the id is one above all others.
        """
        moment = members.get("created_at", "2026-01-15T06:00:00Z")
        empty: dict[str, Any] = {
            "order_id": None,
            "sis_term_id": self._any_term(),
            "created_at": moment,
            "updated_at": moment,
            "canceled_at": None,
            "is_royalty": False,
            "sections": [],
            "catalog_items": [],
            "content_requests": [],
        }
        return self.records.insert(ORDERS, {**empty, **_with_sections(members)})

    def change(self, order_id: int, **members: Any) -> None:
        """Set members of an order; `updated_at` moves only if it is given.

        Raises:
            LookupError: there is no such order.
        """
        if not self.records.update(_order(order_id), **_with_sections(members)):
            raise LookupError(f"There is no order {order_id}.")

    def change_item(self, order_id: int, content_id: str, **members: Any) -> None:
        """Set members, such as prices, of one catalog item of an order.

        Raises:
            LookupError: there is no such order or item.
        """
        items = elements(first(self._text(order_id), ("catalog_items",)).popitem()[1])
        content_ids = [json.loads(item)["content_id"] for item in items]
        if content_id not in content_ids:
            raise LookupError(f"Order {order_id} has no item {content_id}.")
        place = content_ids.index(content_id)
        for name, value in members.items():
            items[place] = with_member(items[place], name, text_of(value))
        self.change(order_id, catalog_items=Verbatim(array_of(items)))

    def cancel(self, order_id: int, at: str) -> None:
        """Cancel an order at a time, such as `2026-11-20T06:00:00Z`."""
        self.change(order_id, canceled_at=at, updated_at=at)

    def remove(self, order_id: int) -> None:
        """Remove an order; the real tool never does."""
        if not self.records.delete(_order(order_id)):
            raise LookupError(f"There is no order {order_id}.")

    def add_term(self, sis_term_id: str, **members: Any) -> None:
        """Add a term. By default it is open in 2026 and not archived."""
        open_term = {
            "sis_term_id": sis_term_id,
            "name": sis_term_id,
            "ordering_opens_at": "2026-01-01T05:00:00Z",
            "ordering_closes_at": "2027-01-01T05:00:00Z",
            "is_archived": False,
        }
        self.records.insert(TERMS, {**open_term, **members})

    def change_term(self, sis_term_id: str, **members: Any) -> None:
        """Set members of a term, such as `ordering_closes_at`.

        Raises:
            LookupError: there is no such term.
        """
        query = Query(TERMS, f"{BY_TERM} = ?", (sis_term_id,))
        if not self.records.update(query, **members):
            raise LookupError(f"There is no term {sis_term_id}.")

    def _any_term(self) -> str | None:
        rows = self.records.page(Query(TERMS, order=BY_TERM), 1, 1)
        return json.loads(rows[0])["sis_term_id"] if rows else None

    def _text(self, order_id: int) -> str:
        rows = self.records.page(_order(order_id), 1, 1)
        if not rows:
            raise LookupError(f"There is no order {order_id}.")
        return rows[0]


def _order(order_id: int) -> Query:
    return Query(ORDERS, "id = ?", (order_id,))


def _with_sections(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members, with plain section ids as the objects that the API sends."""
    if "sections" not in members:
        return dict(members)
    sections = [
        {"sis_section_id": section} if isinstance(section, str) else section
        for section in members["sections"]
    ]
    return {**members, "sections": sections}


def item(content_id: str, **members: Any) -> dict[str, Any]:
    """Return a catalog item with these members and defaults for the others."""
    plain = {
        "content_id": content_id,
        "sis_content_id": None,
        "author": ["Roe, A."],
        "title": f"Title of {content_id}",
        "searchable_isbn": None,
        "publication_date": None,
        "delivery_solution": "Unizin Engage",
        "sis_publisher_id": None,
        "publisher_name": "Sample Press",
        "edition": None,
        "offer_price": Verbatim("40.00"),
        "offer_price_original": None,
        "print_list_price": Verbatim("80.00"),
        "print_list_price_original": None,
        "student_price": Verbatim("42.00"),
        "student_price_original": None,
    }
    return {**plain, **members}
