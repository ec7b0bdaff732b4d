"""The order tool's records: two lists of one store, filled and edited.

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

import duckdb

from runtime.exits import Misuse
from sandbox.jsontext import (
    Verbatim,
    array_of,
    elements,
    first,
    text_of,
    with_member,
)
from sandbox.query import Query
from sandbox.records import Records

TERMS, ORDERS = 1, 2
LISTS = {"terms": TERMS, "orders": ORDERS}
# By code point, as the documents of the API promise.
BY_TERM = "(body ->> '$.sis_term_id')"

Row = Mapping[str, Any] | str

_LARGEST_RECORD = 64 * 2**20
# Records lie in the order in which they are served, so that a page is one range.
_LOAD = """
    INSERT INTO record
    SELECT
        ?,
        (SELECT coalesce(max(key), 0) FROM record)
        + row_number() OVER (ORDER BY id, term, line),
        coalesce(id, line),
        body
    FROM (
        SELECT
            body,
            row_number() OVER () AS line,
            body ->> '$.sis_term_id' AS term,
            TRY_CAST(body ->> '$.order_id' AS BIGINT) AS id
        FROM ({})
    )
    ORDER BY id, term, line
"""
_FROM_FILE = _LOAD.format(
    "SELECT CAST(json AS VARCHAR) AS body"
    " FROM read_json_objects(?, format = 'array', maximum_object_size = ?)"
)
_FROM_LIST = _LOAD.format("SELECT unnest(?) AS body")


def open_records(folder: Path) -> Records:
    """Open an empty store in a private folder."""
    return Records(folder, {TERMS: None, ORDERS: "order_id"})


def load(records: Records, folder: Path) -> None:
    """Fill `records` from `terms` and `orders`, each `.json` or `.json.gz`.

    Raises:
        Misuse: a file is missing, or is not an array of JSON objects.
    """
    for name, record_type in LISTS.items():
        paths = (folder / f"{name}.json", folder / f"{name}.json.gz")
        found = [path for path in paths if path.is_file()]
        if not found:
            raise Misuse(
                f"{folder} has no {name}.json or {name}.json.gz; needed are "
                f"{', '.join(LISTS)}."
            )
        values = [record_type, str(found[0]), _LARGEST_RECORD]
        try:
            records.connection.execute(_FROM_FILE, values)
        except duckdb.Error as error:
            told = str(error).splitlines()[0]
            message = f"{found[0]} is not an array of JSON objects: {told}"
            raise Misuse(message) from None


def load_rows(records: Records, rows: Mapping[str, Iterable[Row]]) -> None:
    """Fill `records` from records by list, each a mapping or a JSON text.

    Args:
        records: an empty store.
        rows: by `terms` and `orders`.
    """
    for name, given in rows.items():
        texts = [row if isinstance(row, str) else text_of(dict(row)) for row in given]
        if texts:
            records.connection.execute(_FROM_LIST, [LISTS[name], texts])


def order(order_id: int) -> Query:
    """Return the query of one order."""
    return Query(ORDERS, "id = ?", (order_id,))


def term(sis_term_id: str) -> Query:
    """Return the query of one term."""
    return Query(TERMS, f"{BY_TERM} = ?", (sis_term_id,))


@dataclass(frozen=True, slots=True)
class Orders:
    """Edits of orders and terms, as people make them; nothing else changes.

    Other members keep every digit; a `Verbatim` value is written as it stands.
    """

    records: Records

    def ids(self) -> list[int]:
        """Return the ids of all orders, rising."""
        return self.records.ids(Query(ORDERS))

    def get(self, order_id: int) -> dict[str, Any]:
        """Return one order, parsed.

        Raises:
            LookupError: there is none.
        """
        found: dict[str, Any] = json.loads(self._text(order_id))
        return found

    def create(self, **members: Any) -> int:
        """Add an order with these members over an empty one; returns its id.

        `sections` may be given as plain ids; `order_id` as one above all others.
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
        return self.records.insert(ORDERS, {**empty, **_spelled(members)})

    def change(self, order_id: int, **members: Any) -> None:
        """Set members of an order; `updated_at` moves only if it is given.

        Raises:
            LookupError: there is none.
        """
        if not self.records.update(order(order_id), **_spelled(members)):
            raise LookupError(f"There is no order {order_id}.")

    def change_item(self, order_id: int, content_id: str, **members: Any) -> None:
        """Set members, such as prices, of one catalog item of an order.

        Raises:
            LookupError: there is no such order or item.
        """
        items = elements(first(self._text(order_id), ("catalog_items",)).popitem()[1])
        named = [json.loads(item)["content_id"] == content_id for item in items]
        if True not in named:
            raise LookupError(f"Order {order_id} has no item {content_id}.")
        at = named.index(True)
        for name, value in members.items():
            items[at] = with_member(items[at], name, text_of(value))
        self.change(order_id, catalog_items=Verbatim(array_of(items)))

    def cancel(self, order_id: int, at: str) -> None:
        """Cancel an order at an instant, written as the API writes it."""
        self.change(order_id, canceled_at=at, updated_at=at)

    def remove(self, order_id: int) -> None:
        """Remove an order without a trace, as the real tool should never do."""
        if not self.records.delete(order(order_id)):
            raise LookupError(f"There is no order {order_id}.")

    def add_term(self, sis_term_id: str, **members: Any) -> None:
        """Add a term; without other members it is open in 2026 and not archived."""
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
            LookupError: there is none.
        """
        if not self.records.update(term(sis_term_id), **members):
            raise LookupError(f"There is no term {sis_term_id}.")

    def _any_term(self) -> str | None:
        rows = self.records.page(Query(TERMS, order=BY_TERM), 1, 1)
        return json.loads(rows[0])["sis_term_id"] if rows else None

    def _text(self, order_id: int) -> str:
        rows = self.records.page(order(order_id), 1, 1)
        if not rows:
            raise LookupError(f"There is no order {order_id}.")
        return rows[0]


def _spelled(members: Mapping[str, Any]) -> dict[str, Any]:
    """Write sections that are given as plain ids as the API writes them."""
    spelled = dict(members)
    if isinstance(spelled.get("sections"), list):
        spelled["sections"] = [
            {"sis_section_id": each} if isinstance(each, str) else each
            for each in spelled["sections"]
        ]
    return spelled


def item(content_id: str, **members: Any) -> dict[str, Any]:
    """Return a catalog item with these members over a plain one."""
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
