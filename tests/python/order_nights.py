"""Terms, orders and nights for tests that publish the order feed."""

import datetime as dt

from order_consumer import Consumer
from order_project import OrderProject

MONDAY = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


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
    project: OrderProject, at: dt.datetime, *orders: dict, faults: tuple[str, ...] = ()
) -> dict[str, str]:
    """Build and publish; what became of each kind of file."""
    project.build({"terms": [term()], "orders": list(orders)}, at)
    outcomes = project.publish(at, *faults)
    return {label.split("_")[2]: o.told["status"] for label, o in outcomes.items()}


def held_after(project: OrderProject, reader: Consumer) -> set[tuple]:
    """Order, section and title of what a reader holds once it took what lies there."""
    files = sorted(project.partner.glob("*.csv"))
    reader.take(files)
    for file in files:
        file.unlink()
    rows = reader.rows("4218")
    return {(row["order_id"], row["sis_section_id"], row["ci_title"]) for row in rows}
