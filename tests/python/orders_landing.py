"""A small landing of the order tool, and what a partner holds of it."""

import json
from collections.abc import Mapping
from pathlib import Path

import duckdb
from models_landing import READ_AT, RUN, STAMP, write

TABLES: dict[str, dict[str, str]] = {
    "terms": {
        **dict.fromkeys(["sis_term_id", "name"], "varchar"),
        **dict.fromkeys(["ordering_opens_at", "ordering_closes_at"], "varchar"),
        "is_archived": "boolean",
    },
    "orders": {
        "order_id": "bigint",
        "sis_term_id": "varchar",
        **dict.fromkeys(["created_at", "updated_at", "canceled_at"], "varchar"),
        "is_royalty": "boolean",
        **dict.fromkeys(["sections", "catalog_items", "content_requests"], "json"),
    },
}
LISTS = ("sections", "catalog_items", "content_requests")


def term(identity: str, **fields: object) -> dict:
    """A term that is open for ordering, but for the fields given."""
    return {
        "sis_term_id": identity,
        "name": f"Term {identity}",
        "ordering_opens_at": "2026-05-01T05:00:00Z",
        "ordering_closes_at": "2026-12-05T06:00:00Z",
        "is_archived": False,
        **fields,
    }


def catalog_item(identity: str, **fields: object) -> dict:
    """A catalog item that can be shown, but for the fields given."""
    return {
        "content_id": identity,
        "sis_content_id": None,
        "author": ["Roe, A.", "Poe, B."],
        "title": f'The "Big" Book {identity}',
        "searchable_isbn": "0012345678905",
        "publication_date": "2003-01-31",
        "delivery_solution": "Unizin Engage",
        "sis_publisher_id": None,
        "publisher_name": "Example Press",
        "edition": "2e",
        "offer_price": 90.5,
        "offer_price_original": None,
        "print_list_price": 150,
        "print_list_price_original": None,
        "student_price": 99.55,
        "student_price_original": None,
        **fields,
    }


def request(title: str, **fields: object) -> dict:
    """A content request that can be shown, but for the fields given."""
    return {
        "created_at": "2026-09-01T18:51:07+02:00",
        "title": title,
        "isbn": None,
        "status": "Cancelled",
        **fields,
    }


def order(
    identity: int,
    items: tuple[dict, ...] = (catalog_item("C1"),),
    requests: tuple[dict, ...] = (),
    sections: tuple[str, ...] = ("S1", "S2"),
    **fields: object,
) -> dict:
    """An order that can be shown, but for the fields given."""
    return {
        "order_id": identity,
        "sis_term_id": "4268-FA26",
        "created_at": "2026-09-01T18:51:59.999Z",
        "updated_at": "2026-09-02T00:00:00Z",
        "canceled_at": None,
        "is_royalty": False,
        "sections": [{"sis_section_id": each} for each in sections],
        "catalog_items": list(items),
        "content_requests": list(requests),
        **fields,
    }


def land_orders(
    data: Path, orders: list[dict], terms: list[dict], run: Mapping[str, str] = {}
) -> None:
    """Land orders and terms below `data`; `run` names another run for a table."""
    for table, rows in {"terms": terms, "orders": orders}.items():
        stamp = {"_extract_run_id": run.get(table, RUN), "_extracted_at": READ_AT}
        landed = [
            {
                name: json.dumps(value) if name in LISTS else value
                for name, value in {**row, **stamp}.items()
            }
            for row in rows
        ]
        file = data / "landing" / RUN / "order_tool" / f"{table}.parquet"
        write(landed, TABLES[table] | STAMP, file)
    link = data / "landing/current/order_tool"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(f"../{RUN}/order_tool")


def deliver(data: Path, model: str = "order_feed_v2") -> None:
    """Hold at the partner what the warehouse holds of a layout: a file a term."""
    folder = data / "delivered" / model / "current"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as opened:
        terms = opened.execute(f"select distinct sis_term_id from {model}").fetchall()
        for (name,) in terms:
            opened.execute(
                f"copy (from {model} where sis_term_id = '{name}')"
                f" to '{folder}/orders.{name}.parquet' (format parquet)"
            )
