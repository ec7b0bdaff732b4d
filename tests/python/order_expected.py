"""The rows that an order must have in the order feed, by the specification.

Tests compare a partner's file with this. It imports nothing of ours.
"""

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal

from order_consumer import Row

HEADER = (
    *("order_id", "order_created", "order_updated", "sis_section_id"),
    *("sis_content_id", "content_id", "is_deleted", "order_item_type", "ci_author"),
    *("ci_title", "cr_created", "cr_title", "cr_isbn", "cr_status"),
    *("ci_searchable_isbn", "ci_publication_date", "ci_delivery_solution"),
    *("ci_sis_publisher_id", "ci_publisher_name", "ci_edition"),
    *("ci_offer_price_original", "ci_offer_price"),
    *("ci_print_list_price_original", "ci_print_list_price", "is_royalty"),
)
STATUSES = ("Submitted", "Researching", "Approved", "Canceled", "Denied")


def instant(moment: dt.datetime, form: int = 0) -> str:
    """Return a time in one of the forms that sources use."""
    forms = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M+00:00")
    return moment.strftime(forms[form % 3])


def minute(text: str | None) -> str | None:
    return text[:16].replace("T", " ") if text else None


def money(price: str | None) -> str | None:
    cents = Decimal("0.01")
    return price and str(Decimal(price).quantize(cents, ROUND_HALF_UP))


def word(text: str | None) -> str | None:
    """Return a text as a reader gets it: blank and the word null are missing.

    A line break is LF.
    """
    if not text or not text.strip(" ") or text == "null":
        return None
    return re.sub("\r\n?", "\n", text)


def shown(order: dict) -> bool:
    """Return whether an order can be in the feed at all."""
    items = order["catalog_items"] + order["content_requests"]
    known = all(each["status"] in STATUSES for each in order["content_requests"])
    return bool(items and order["sections"] and known)


def expected(order: dict) -> list[Row]:
    """Return the rows of one order by the specification: items by sections."""
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
