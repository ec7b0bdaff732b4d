"""What changed, by the packages of the order feed, is what its reader sees."""

from collections import Counter

import pytest
from order_consumer import Consumer
from order_expected import HEADER
from order_project import DAY, MONDAY, OrderProject, night, order
from package_reader import Row, applied, described, sides

from publish.package import verify


@pytest.fixture
def project(order_project: OrderProject) -> OrderProject:
    return order_project


def request(isbn: str | None) -> dict[str, object]:
    return {"created_at": "2026-11-01T09:30:00Z", "title": "Alike", "isbn": isbn,
            "status": "Submitted"}  # fmt: skip


NIGHTS = (
    [order(1, "Botany", "Music"), order(2, "Geology", sections="S1 S2")],
    # A text changes, an order comes, two requests are alike in all of the key.
    [order(1, "Botany", 'Music "2"'), order(2, "Geology", sections="S1 S2"),
     order(3, content_requests=[request("1"), request("1"), request(None)])],
    # One of the two is gone, a section is left, an order is canceled.
    [order(1, "Botany", 'Music "2"', canceled_at="2026-11-24T10:00:00Z"),
     order(2, "Geology", sections="S2"),
     order(3, content_requests=[request("1"), request(None)])],
    [order(1, "Botany", 'Music "2"', canceled_at="2026-11-24T10:00:00Z"),
     order(2, "null", sections="S2"), order(3, content_requests=[request(None)])],
)  # fmt: skip


def test_what_changed_is_what_a_reader_sees(
    project: OrderProject, capsys: pytest.CaptureFixture[str]
) -> None:
    # Two requests may be alike in all of the key, which pairs rows and is no more.
    assert [(len(feed.key), feed.primary_key) for feed in project.feeds] == [
        (7, ())
    ] * 2
    reader, held, packages_read = Consumer(), Counter[Row](), 0
    kinds: Counter[str] = Counter()
    for number, orders in enumerate(NIGHTS):
        night(project, MONDAY + number * DAY, *orders)
        delivered = project.ledger.all("delivered")
        for record in delivered[packages_read:]:
            package = project.data / "outbox" / record["file"] / record["run_id"]
            reader.apply(package / record["name"])
            now = Counter(tuple(row[c] for c in HEADER) for row in reader.rows("4218"))
            valid, faults, (rows, *_) = described(package)
            assert (valid, faults, rows) == (True, [], record["rows"])
            changes = package / "changes.csv"
            first = packages_read == 0
            held = now if first else applied(list(held.elements()), changes)
            assert held == now
            kinds.update(kind for kind, _, _ in sides(changes))
            packages_read += 1
    # The full of Monday changes nothing: the delta before it has said it all.
    assert [record["feed"] for record in project.ledger.all("delivered")] == [
        "order_feed_delta_file", "order_feed_full_file", *["order_feed_delta_file"] * 3,
    ]  # fmt: skip
    assert set(kinds) == {"added", "removed", "changed"}
    outbox = project.data / "outbox"
    assert (
        verify.main([str(outbox), "--ledger", str(outbox.parent / "ledger.jsonl")]) == 0
    )
    assert "5 packages, none wrong" in capsys.readouterr().out
