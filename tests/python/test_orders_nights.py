"""Single nights: what a reader holds when something is removed, late or repeated."""

import datetime as dt

import pytest
from order_consumer import Consumer
from order_project import DAY, MONDAY, OrderProject, held_after, night, order, term

from publish.deliver.reconcile import settle_unknown


@pytest.fixture
def project(order_project: OrderProject) -> OrderProject:
    return order_project


def test_a_reader_by_section_keeps_what_was_taken_off_an_order(
    project: OrderProject,
) -> None:
    by_order, by_section = Consumer(), Consumer(by="section")
    night(project, MONDAY, order(1, "Botany", sections="S1 S2"))
    for file in project.partner.glob("*.csv"):
        by_section.apply(file)
    held_after(project, by_order)
    night(project, MONDAY + DAY, order(1, "Geology", sections="S1"))
    for file in project.partner.glob("*.csv"):
        by_section.apply(file)
    assert held_after(project, by_order) == {("1", "S1", "Geology")}
    # S2 is in no file any more, so this reader never removes it.
    assert {
        (row["sis_section_id"], row["ci_title"]) for row in by_section.rows("4218")
    } == {("S1", "Geology"), ("S2", "Botany")}


def test_a_full_file_tells_a_reader_which_orders_are_gone(
    project: OrderProject,
) -> None:
    night(project, MONDAY, order(1, "Botany"))
    (full,) = project.partner.glob("*-full.csv")
    reader = Consumer()
    stray = full.with_name("2026-11-22-4218-order-feed-delta.csv")
    stray.write_bytes(full.read_bytes().replace(b'"1"', b'"7"'))
    assert reader.take([full, stray]) == ["7"]


def test_a_second_delta_of_a_day_waits_for_the_next(project: OrderProject) -> None:
    """Caught up at two, then due at eight: one name, and the first may lie there."""
    reader = Consumer()
    night(project, MONDAY + DAY, order(1, "Botany"))
    held_after(project, reader)
    early = MONDAY + 2 * DAY + dt.timedelta(hours=18)  # Wednesday night was missed
    assert night(project, early, order(1, "Geology"))["delta"] == "delivered"
    morning = MONDAY + 3 * DAY
    now = (order(1, "Geology"), order(2, "Music"))
    assert night(project, morning, *now)["delta"] == "waiting"
    assert held_after(project, reader) == {("1", "S1", "Geology")}
    assert night(project, morning + DAY, *now)["delta"] == "delivered"
    assert held_after(project, reader) == {("1", "S1", "Geology"), ("2", "S1", "Music")}


def test_a_file_that_failed_is_sent_by_the_next_try(project: OrderProject) -> None:
    """The other term's file, of the same build, went out in between."""

    def build(title: str, at: dt.datetime) -> None:
        orders = [order(1, title), order(2, title, sis_term_id="4228")]
        project.build({"terms": [term(), term("4228")], "orders": orders}, at)

    build("Botany", MONDAY + DAY)
    project.publish(MONDAY + DAY)
    at = MONDAY + 2 * DAY
    build("Geology", at)
    # One connection looks for pick-ups, and one is for each file.
    faults = ("ok", "ok", "down")
    first = {o.summary["status"]: o for o in project.publish(at, *faults).values()}
    assert {"delivered", "temporary"} <= first.keys()
    failed = first["temporary"].summary["file"]
    (again,) = (o for name, o in project.publish(at).items() if name == failed)
    assert (again.code, again.summary["status"]) == (0, "delivered"), again.text
    # Without a build there is no answer for the next night.
    later = project.publish(at + DAY)[failed]
    assert (later.code, later.summary["status"]) == (75, "superseded"), later.text
    build("Geology", at + DAY)
    assert project.publish(at + DAY)[failed].summary["status"] == "skipped"


def test_a_delivery_settled_late_does_not_undo_a_newer_one(
    project: OrderProject,
) -> None:
    """Sunday's delta arrives unseen, Monday's line fails it once more, a full goes."""
    reader = Consumer()
    sunday = MONDAY + 6 * DAY
    night(project, sunday - DAY, order(1, "Botany"))
    statuses = night(project, sunday, order(1, "Geology"), faults=("lost",))
    assert statuses["delta"] == "temporary"
    night(project, sunday + DAY, order(1, "Music"), faults=("down",))
    night(project, sunday + 2 * DAY, order(1, "Geology"))
    night(project, sunday + 3 * DAY, order(1, "Geology"))
    assert held_after(project, reader) == {("1", "S1", "Geology")}


def test_a_full_file_knows_of_an_order_that_moved_with_a_delivery_settled_late(
    project: OrderProject,
) -> None:
    """The delta of another term arrives unseen; then the order is emptied."""
    reader = Consumer()

    def build(moved: dict, at: dt.datetime) -> None:
        orders = [moved, order(2, "Music"), order(3, "Geology", sis_term_id="4228")]
        project.build({"terms": [term(), term("4228")], "orders": orders}, at)

    def statuses(at: dt.datetime, *faults: str) -> dict[str, str]:
        outcomes = project.publish(at, *faults)
        return {name: o.summary["status"] for name, o in outcomes.items()}

    build(order(1, "Botany"), MONDAY + DAY)
    statuses(MONDAY + DAY)
    held_after(project, reader)
    sunday, monday = MONDAY + 6 * DAY, MONDAY + 7 * DAY
    build(order(1, "Botany", sis_term_id="4228"), sunday)
    lost = statuses(sunday, "ok", "ok", "lost")
    assert lost["order_feed_delta_file.4228"] == "temporary"
    assert held_after(project, reader) == {("2", "S1", "Music")}
    build(order(1, "Botany", sections="", sis_term_id="4228"), monday)
    statuses(monday)
    (unknown,) = project.ledger.all("unknown")
    settle_unknown(project.ledger, unknown["attempt"], True, "me", "I asked")
    assert {*statuses(monday).values()} == {"superseded"}
    build(order(1, "Botany", sections="", sis_term_id="4228"), monday)
    assert "delivered" in statuses(monday).values()
    assert held_after(project, reader) == {("2", "S1", "Music")}
