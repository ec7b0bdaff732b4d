"""Which terms get a file, to the minute, and what holds one, guards as declared.

The nights lie in the future, so that no delivery is later than the build it was of.
"""

import datetime as dt
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from compiled_project import Compiled
from order_consumer import Consumer, read
from order_project import DAY, EXPOSURES, OrderProject, lenient, order, term

from publish import approve as approval
from publish.settings import Redelivery
from runtime.exits import Refused

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

MONDAY = dt.datetime(2091, 1, 1, 8, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
BOTH = {"delta.4218": "delivered", "full.4218": "delivered"}
CLOSED = {"delta": "nothing open", "full": "nothing open"}
FULL, DELTA = "full.4218", "delta.4218"


@pytest.fixture
def project(tmp_path: Path, order_template: Compiled) -> OrderProject:
    return OrderProject(tmp_path / "project", order_template)


@pytest.fixture
def final(tmp_path: Path, order_template: Compiled) -> OrderProject:
    """A project in which a term that closes gets a last full file."""
    template = lenient(order_template)
    meta = template.manifest["exposures"][EXPOSURES[1]]["config"]["meta"]
    assert meta["final_full_on_close"] is False
    meta["final_full_on_close"] = True
    return OrderProject(tmp_path / "final", template)


def during(since: dt.datetime, until: dt.datetime, name: str = "4218") -> dict:
    form = "%Y-%m-%dT%H:%M:%SZ"
    opens, closes = since.strftime(form), until.strftime(form)
    return term(name) | {"ordering_opens_at": opens, "ordering_closes_at": closes}


ALWAYS = during(MONDAY - 99 * DAY, MONDAY + 99 * DAY)


def published(
    project: OrderProject, at: dt.datetime, *orders: dict, terms: tuple = (ALWAYS,)
) -> dict[str, str]:
    """Build and publish what is due; what became of each file."""
    project.build({"terms": list(terms), "orders": list(orders)}, at)
    return due(project, at)


def due(project: OrderProject, at: dt.datetime) -> dict[str, str]:
    """Publish what is due without a build."""
    outcomes = project.publish(at)
    return {
        label.removeprefix("order_feed_").replace("_file", ""): outcome.summary[
            "status"
        ]
        for label, outcome in outcomes.items()
    }


def holding(project: OrderProject, at: dt.datetime, file: str) -> set[str]:
    """The checks that hold a file back."""
    kind, _, split = file.partition(".")
    summary = project.publish(at)[f"order_feed_{kind}_file.{split}"].summary
    assert summary["status"] == "held", summary
    return {check["id"] for check in summary["held_by"]}


def test_a_term_opens_at_its_minute(project: OrderProject) -> None:
    terms = (during(MONDAY, MONDAY + DAY),)
    assert published(project, MONDAY - SECOND, order(1, "A"), terms=terms) == CLOSED
    assert published(project, MONDAY, order(1, "A"), terms=terms) == BOTH


def test_a_term_closes_at_its_minute(project: OrderProject) -> None:
    terms = (during(MONDAY, MONDAY + DAY + SECOND),)
    published(project, MONDAY, order(1, "A"), terms=terms)
    statuses = published(project, MONDAY + DAY, order(1, "B"), terms=terms)
    assert statuses == {DELTA: "delivered", FULL: "not due"}
    terms = (during(MONDAY, MONDAY + 2 * DAY),)
    assert published(project, MONDAY + 2 * DAY, order(1, "C"), terms=terms) == CLOSED


@pytest.mark.parametrize(
    "term",
    [
        {"is_archived": True},
        {"ordering_opens_at": None},
        {"ordering_closes_at": None},
        {"ordering_opens_at": None, "ordering_closes_at": None},
    ],
    ids=["archived", "no opening", "no closing", "no dates"],
)
def test_a_term_that_is_not_open_has_no_file(project: OrderProject, term: dict) -> None:
    assert published(project, MONDAY, order(1, "A"), terms=(ALWAYS | term,)) == CLOSED
    assert not list(project.partner.iterdir())


def test_terms_have_their_own_files(project: OrderProject) -> None:
    other = during(MONDAY, MONDAY + DAY, "4228")
    orders = order(1, "A"), order(2, "B", sis_term_id="4228")
    statuses = published(project, MONDAY, *orders, terms=(ALWAYS, other))
    assert set(statuses.values()) == {"delivered"}
    assert sorted(path.name for path in project.partner.iterdir()) == [
        f"2091-01-01-{name}-order-feed-{kind}.csv"
        for name in ("4218", "4228")
        for kind in ("delta", "full")
    ]


def test_missed_nights_lose_nothing(project: OrderProject) -> None:
    published(project, MONDAY - DAY, order(1, "A"))
    # Monday and Tuesday nobody came; on Wednesday both are due.
    statuses = published(project, MONDAY + 2 * DAY, order(1, "A"), order(2, "B"))
    assert statuses == BOTH
    reader = Consumer()
    reader.take(project.partner.iterdir())
    assert {row["order_id"] for row in reader.rows("4218")} == {"1", "2"}
    assert due(project, MONDAY + 2 * DAY) == {DELTA: "not due", FULL: "not due"}


@pytest.mark.parametrize("is_final", [True, False], ids=["final", "not final"])
def test_a_term_that_closed_has_a_last_full_file_if_told(
    project: OrderProject, final: OrderProject, is_final: bool
) -> None:
    """It opened on a Tuesday, closed on a Thursday, and changed after that."""
    ours = final if is_final else project
    terms = (during(MONDAY + DAY, MONDAY + 3 * DAY),)
    published(ours, MONDAY + DAY, order(1, "A"), terms=terms)
    last = order(1, "A", canceled_at="2091-01-04T09:00:00Z")
    statuses = published(ours, MONDAY + 7 * DAY, last, terms=terms)
    assert statuses == (
        {"delta": "nothing open", FULL: "delivered"} if is_final else CLOSED
    )
    assert published(ours, MONDAY + 14 * DAY, last, terms=terms) == CLOSED


def test_a_last_full_file_needs_a_closing_after_the_last_one(
    final: OrderProject,
) -> None:
    terms = (during(MONDAY - DAY, MONDAY + SECOND),)
    published(final, MONDAY, order(1, "A"), terms=terms)
    statuses = published(final, MONDAY + 7 * DAY, order(1, "B"), terms=terms)
    assert statuses[FULL] == "delivered"
    assert published(final, MONDAY + 14 * DAY, order(1, "C"), terms=terms) == CLOSED


def test_a_term_that_closes_within_a_second_gets_its_last_full_file(
    final: OrderProject,
) -> None:
    """Its last file was of that second, and is older than the closing."""
    closing = f"{MONDAY:%Y-%m-%dT%H:%M:%S}.400Z"
    terms = (during(MONDAY - DAY, MONDAY) | {"ordering_closes_at": closing},)
    assert published(final, MONDAY, order(1, "A"), terms=terms) == BOTH
    statuses = published(final, MONDAY + 7 * DAY, order(1, "B"), terms=terms)
    assert statuses[FULL] == "delivered"
    assert published(final, MONDAY + 14 * DAY, order(1, "C"), terms=terms) == CLOSED


# ------------------------------------------------------------- the guards as declared
def many(count: int, title: str = "A", sections: str = "S1") -> list[dict]:
    return [order(number, title, sections=sections) for number in range(1, count + 1)]


def test_an_old_extract_holds_a_delta_without_rows_and_a_full(
    project: OrderProject,
) -> None:
    published(project, MONDAY - DAY, order(1, "A"))
    project.build({"terms": [ALWAYS], "orders": [order(1, "A")]}, MONDAY - DAY)
    assert due(project, MONDAY) == {DELTA: "held", FULL: "held"}
    for file in (DELTA, FULL):
        assert holding(project, MONDAY, file) == {"RUN_SOURCE_STALE"}


def test_nothing_is_open_is_doubted_if_nobody_asked_lately(
    project: OrderProject,
) -> None:
    terms = (during(MONDAY - 9 * DAY, MONDAY - 8 * DAY),)
    assert published(project, MONDAY, terms=terms) == CLOSED
    outcome = project.publish(MONDAY + DAY)["order_feed_delta_file"]
    assert (outcome.code, outcome.summary["status"]) == (1, "refused")
    assert "order_tool, run 20910101T080000Z-test, was read until" in outcome.text


def test_an_empty_full_is_held(project: OrderProject) -> None:
    statuses = published(project, MONDAY)
    assert statuses == {DELTA: "skipped", FULL: "held"}
    assert holding(project, MONDAY, FULL) == {"RUN_EMPTY", "RUN_MIN_ROWS"}


def test_rows_of_a_full_are_held_against_the_last_full(project: OrderProject) -> None:
    """The nights between made them fewer, little by little, in delivered deltas."""
    sections = "S1 S2 S3"
    published(project, MONDAY, *many(9, sections=sections))
    few = [*many(5), *many(9, sections=sections)[5:]]
    assert published(project, MONDAY + DAY, *few)[DELTA] == "delivered"
    assert published(project, MONDAY + 7 * DAY, *few)[FULL] == "held"
    assert holding(project, MONDAY + 7 * DAY, FULL) == {"RUN_ROW_DROP"}


def test_a_full_with_far_more_rows_is_held(project: OrderProject) -> None:
    published(project, MONDAY, order(1, "A"))
    big = order(2, *map(str, range(100)), sections=" ".join(map(str, range(100))))
    more = order(1, "A"), big
    assert published(project, MONDAY + 7 * DAY, *more)[DELTA] == "delivered"
    assert holding(project, MONDAY + 7 * DAY, FULL) == {"RUN_ROW_RISE"}


LEFT = {
    "vanished": lambda number: [],
    "without items": lambda number: [order(number)],
    "without sections": lambda number: [order(number, "A", sections="")],
}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
@pytest.mark.sample(1)
def test_an_order_that_was_delivered_and_is_not_there_is_restated_as_deleted(
    project: OrderProject, left: Callable[[int], list[dict]]
) -> None:
    """Once in a delta, and in each full, from its last delivered rows."""
    reader = Consumer()
    published(project, MONDAY, *many(9, sections="S1 S2"))
    now = (*many(9, sections="S1 S2")[1:], *left(1))
    assert published(project, MONDAY + DAY, *now)[DELTA] == "delivered"
    (delta,) = project.partner.glob("*02-4218-order-feed-delta.csv")
    rows = read(delta)
    assert [(row["order_id"], row["is_deleted"]) for row in rows] == [("1", "true")] * 2
    assert {row["ci_title"] for row in rows} == {"A"}
    assert published(project, MONDAY + 2 * DAY, *now)[DELTA] == "skipped"
    statuses = published(project, MONDAY + 7 * DAY, *now)
    assert statuses == {DELTA: "skipped", FULL: "delivered"}
    (full,) = project.partner.glob("*08-4218-order-feed-full.csv")
    deleted = {row["order_id"] for row in read(full) if row["is_deleted"] == "true"}
    assert (deleted, len(read(full))) == ({"1"}, 18)
    # It comes back as it was, which must be sent.
    back = published(project, MONDAY + 8 * DAY, *many(9, sections="S1 S2"))
    assert back[DELTA] == "delivered"
    reader.take(project.partner.glob("*.csv"))
    assert {row["is_deleted"] for row in reader.rows("4218")} == {"false"}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
@pytest.mark.sample(1)
def test_many_vanished_orders_hold_both_files(
    project: OrderProject, left: Callable[[int], list[dict]]
) -> None:
    published(project, MONDAY, *many(99))
    few = [*many(99)[5:], *(each for number in range(1, 6) for each in left(number))]
    assert published(project, MONDAY + DAY, *few)[DELTA] == "held"
    assert holding(project, MONDAY + DAY, DELTA) == {"RUN_KEY_VANISHED"}
    summary = project.publish(MONDAY + DAY)["order_feed_delta_file.4218"].summary
    (check,) = summary["held_by"]
    assert (
        "5 of the 99 values of order_id that the partner holds vanished"
        in check["says"]
    )
    approve(project, MONDAY + DAY)
    assert due(project, MONDAY + DAY)[DELTA] == "delivered"
    assert published(project, MONDAY + 2 * DAY, *few)[DELTA] == "skipped"


def test_an_order_in_review_keeps_its_rows_with_the_reader(
    project: OrderProject,
) -> None:
    published(project, MONDAY, *many(9))
    review = order(1, "B", created_at=None)
    assert published(project, MONDAY + DAY, *many(9)[1:], review)[DELTA] == "skipped"
    assert published(project, MONDAY + 2 * DAY, *many(9))[DELTA] == "skipped"
    changed = published(project, MONDAY + 3 * DAY, *many(9)[1:], order(1, "C"))
    assert changed[DELTA] == "delivered"


def test_an_order_that_never_was_shown_holds_nothing(project: OrderProject) -> None:
    assert published(project, MONDAY, *many(9), order(10)) == BOTH


def test_a_delta_that_touches_most_orders_is_held(project: OrderProject) -> None:
    published(project, MONDAY, *many(198))
    half = [*many(99, "B"), *many(198)[99:]]
    assert published(project, MONDAY + DAY, *half)[DELTA] == "delivered"
    most = [*many(100, "C"), *half[100:]]
    assert published(project, MONDAY + 2 * DAY, *most)[DELTA] == "held"
    assert holding(project, MONDAY + 2 * DAY, DELTA) == {"RUN_KEYS_CHANGED"}


def test_too_many_orders_in_question_hold_the_file(project: OrderProject) -> None:
    published(project, MONDAY, *many(4), order(5))  # one of five waits for a person
    assert published(project, MONDAY + DAY, *many(4), order(5), order(6), order(7, "A"))
    assert holding(project, MONDAY + DAY, DELTA) == {"RUN_REVIEW_RATE"}


# ------------------------------------------------- a file is judged by its own rows
SHUT = MONDAY - 9 * DAY, MONDAY - 8 * DAY
OTHERS = {
    "closed": during(*SHUT, "4208"),
    "archived": during(MONDAY, MONDAY + DAY, "4208") | {"is_archived": True},
    "open": during(MONDAY, MONDAY + 99 * DAY, "4208"),
}


def elsewhere(numbers: range, *titles: str, **fields: object) -> list[dict]:
    """Orders of term 4208, or of the term in `fields`; without titles in review."""
    return [order(n, *titles, **{"sis_term_id": "4208", **fields}) for n in numbers]


def guards_of(project: OrderProject, at: dt.datetime, file: str) -> dict[str, str]:
    """What each guard of a file says, but for those of no split."""
    kind, _, split = file.partition(".")
    summary = project.publish(at, is_due=False)[
        f"order_feed_{kind}_file.{split}"
    ].summary
    gates = json.loads((Path(summary["package"]) / "gates.json").read_bytes())
    return {
        check["id"]: check["says"]
        for check in gates["predicate"]["checks"]
        if check["gate"] == "guards" and check["id"] != "RUN_UNASSIGNED_RATE"
    }


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.sample(1)
def test_no_guard_of_a_term_reads_orders_of_another_one(
    project: OrderProject, order_template: Compiled, tmp_path: Path, other: str
) -> None:
    """Each guard reports the same numbers, whatever another term has."""
    alone, own = OrderProject(tmp_path / "alone", order_template), many(9)
    reports = []
    for each, terms, more in (
        (alone, (ALWAYS,), []),
        (project, (ALWAYS, OTHERS[other]), elsewhere(range(20, 60), "A")),
    ):
        each.build({"terms": list(terms), "orders": [*own, *more]}, MONDAY)
        each.publish(MONDAY)
        # Then 4 of 9 are in review, one changed, and the other term lost all items.
        review = [order(number, "A", created_at=None) for number in range(1, 5)]
        now = [*review, *many(9, "B")[4:5], *many(9)[5:]]
        later, lost = MONDAY + DAY, elsewhere(range(20, 60)) if more else []
        each.build({"terms": list(terms), "orders": [*now, *lost]}, later)
        reports.append({file: guards_of(each, later, file) for file in BOTH})
    assert reports[0] == reports[1]
    assert "4 of 9" in reports[0][DELTA]["RUN_REVIEW_RATE"]


@pytest.mark.parametrize(
    ("own", "others", "is_held"),
    [
        (many(20), elsewhere(range(30, 40)) + elsewhere(range(40, 50), "A"), False),
        ([*many(2), *map(order, range(3, 11))], elsewhere(range(20, 110), "A"), True),
        ([*many(3), order(4)], [], False),
        ([*many(2), order(3), order(4)], [], True),
    ],
    ids=["20 good", "8 of 10 in review", "1 of 4", "2 of 4"],
)
def test_orders_in_review_hold_the_file_of_their_own_term(
    project: OrderProject, own: list[dict], others: list[dict], is_held: bool
) -> None:
    status = "held" if is_held else "delivered"
    statuses = published(
        project, MONDAY, *own, *others, terms=(ALWAYS, OTHERS["closed"])
    )
    assert statuses == dict.fromkeys(BOTH, status)
    if is_held:
        assert holding(project, MONDAY, FULL) == {"RUN_REVIEW_RATE"}


@pytest.mark.parametrize("count", [9, 10])
@pytest.mark.parametrize("name", ["4999", None, "a/b", "4228"])
@pytest.mark.sample(3)
def test_orders_of_no_term_have_a_guard_of_their_own(
    project: OrderProject, name: str | None, count: int
) -> None:
    """The term is unknown, missing, unfit for a file name, or has no period."""
    terms = (
        ALWAYS,
        OTHERS["closed"],
        during(MONDAY - DAY, MONDAY - DAY, "a/b"),
        term("4228") | {"ordering_opens_at": None},
    )
    lost = elsewhere(range(20, 20 + count), "A", sis_term_id=name)
    closed = elsewhere(range(100, 200), "A")
    statuses = published(project, MONDAY, *many(9), *lost, *closed, terms=terms)
    assert statuses == dict.fromkeys(BOTH, "held" if count == 10 else "delivered")
    if count == 10:
        assert holding(project, MONDAY, DELTA) == {"RUN_UNASSIGNED_RATE"}


def test_terms_whose_files_would_have_one_name_are_held_and_no_other(
    project: OrderProject,
) -> None:
    """The second one is new: the reader keeps the rows of the first."""
    terms = [during(MONDAY, MONDAY + 99 * DAY, name) for name in ("FA27", "fa27")]
    first, second = (
        elsewhere(range(start, start + 5), "A", sis_term_id=name)
        for start, name in ((100, "FA27"), (200, "fa27"))
    )
    published(project, MONDAY, *many(60), *first, terms=(ALWAYS, terms[0]))
    every = [*many(59), order(60, "new"), *first, *second]
    statuses = published(project, MONDAY + DAY, *every, terms=(ALWAYS, *terms))
    assert statuses[DELTA] == "delivered"
    assert (statuses["delta.FA27"], statuses["delta.fa27"]) == ("held", "held")
    assert holding(project, MONDAY + DAY, "delta.FA27") == {"RUN_REVIEW_RATE"}


# ---------------------------------------------------------------- orders that move
def test_an_order_that_moves_is_let_go_where_another_file_carries_it(
    project: OrderProject,
) -> None:
    other = during(MONDAY, MONDAY + 99 * DAY, "4228")
    terms, reader = (ALWAYS, other), Consumer()
    stays = order(1, "A"), order(2, "B", sis_term_id="4228")
    published(project, MONDAY, *stays, order(3, "C"), terms=terms)
    moved = order(3, "C", sis_term_id="4228")
    there = published(project, MONDAY + DAY, *stays, moved, terms=terms)
    assert (there[DELTA], there["delta.4228"]) == ("skipped", "delivered")
    # And the next night nothing is said of it again.
    quiet = published(project, MONDAY + 2 * DAY, *stays, moved, terms=terms)
    assert (quiet[DELTA], quiet["delta.4228"]) == ("skipped", "skipped")
    back = published(project, MONDAY + 3 * DAY, *stays, order(3, "C"), terms=terms)
    assert (back[DELTA], back["delta.4228"]) == ("delivered", "skipped")
    reader.take(project.partner.iterdir())
    assert {row["order_id"] for row in reader.rows("4218")} == {"1", "3"}
    assert {row["order_id"] for row in reader.rows("4228")} == {"2"}


def test_an_order_that_moves_where_no_file_is_made_has_vanished(
    project: OrderProject,
) -> None:
    closed = during(MONDAY - 9 * DAY, MONDAY - 8 * DAY, "4228")
    published(project, MONDAY, *many(9), terms=(ALWAYS, closed))
    moved = order(1, "A", sis_term_id="4228")
    statuses = published(
        project, MONDAY + DAY, *many(9)[1:], moved, terms=(ALWAYS, closed)
    )
    assert statuses[DELTA] == "held"
    assert holding(project, MONDAY + DAY, DELTA) == {"RUN_KEY_VANISHED"}


SHUT_TERM = during(MONDAY - 9 * DAY, MONDAY - 8 * DAY, "4228")


@pytest.mark.parametrize("until", [None, "2091-01-02", "2000-01-01T00:00:00Z"])
@pytest.mark.sample(1)
def test_a_term_whose_period_became_unreadable_is_named(
    project: OrderProject, until: str | None
) -> None:
    """Its changes wait until somebody repairs or archives it, and publish says so."""
    other = during(MONDAY - 99 * DAY, MONDAY + 99 * DAY, "4228")
    rest = [order(number, "B", sis_term_id="4228") for number in range(11, 40)]
    published(project, MONDAY, *many(9), *rest, terms=(ALWAYS, other))
    broken = ALWAYS | {"ordering_closes_at": until}
    now = (order(1, "C"), *many(9)[1:], order(11, "C", sis_term_id="4228"), *rest[1:])
    statuses = published(project, MONDAY + DAY, *now, terms=(broken, other))
    assert (statuses[DELTA], statuses["delta.4228"]) == ("refused", "delivered")
    outcome = project.publish(MONDAY + DAY)["order_feed_delta_file.4218"]
    assert outcome.code == 1
    assert "no readable period of 4218" in outcome.text
    archived = broken | {"is_archived": True}
    quiet = published(project, MONDAY + 2 * DAY, *now, terms=(archived, other))
    assert DELTA not in quiet, quiet
    back = published(project, MONDAY + 3 * DAY, *now, terms=(ALWAYS, other))
    assert back[DELTA] == "delivered"


def test_approved_losses_of_one_night_do_not_stop_its_other_files(
    project: OrderProject,
) -> None:
    """A delta without rows and both full files stand on the build of that night."""
    open_too = during(MONDAY - 99 * DAY, MONDAY + 99 * DAY, "4228")
    shut = during(MONDAY - 9 * DAY, MONDAY - 8 * DAY, "4238")
    terms, monday = (ALWAYS, open_too, shut), MONDAY + 7 * DAY
    other = [order(number, "B", sis_term_id="4228") for number in range(11, 20)]
    published(project, MONDAY, *many(9), *other, terms=terms)
    left = [order(1, "A", sis_term_id="4238"), order(11, "B", sis_term_id="4238")]
    changed = order(12, "C", sis_term_id="4228")
    now = (*many(9)[1:], *other[2:], changed, *left)
    held = published(project, monday, *now, terms=terms)
    assert {*held.values()} == {"held"}, held
    for file in ("delta_file.4218", "delta_file.4228"):
        approve(project, monday, f"order_feed_{file}")
    due(project, monday)
    later = project.ledger.all("delivered")[4:]
    assert {record["file"].removeprefix("order_feed_") for record in later} == {
        "full_file.4218",
        "delta_file.4228",
        "full_file.4228",
    }


def test_an_approved_loss_is_let_go_once(project: OrderProject) -> None:
    """A delta without rows is always the same bytes: its release is for this night."""

    def night(day: int, *orders: dict) -> str:
        at = MONDAY + day * DAY
        return published(project, at, *orders, terms=(ALWAYS, SHUT_TERM))[DELTA]

    def shut(*numbers: int) -> list[dict]:
        return [order(number, "A", sis_term_id="4228") for number in numbers]

    night(0, *many(9))
    assert night(1, *many(9)[1:], *shut(1)) == "held"
    approve(project, MONDAY + DAY)
    assert due(project, MONDAY + DAY)[DELTA] == "skipped"
    assert night(2, *many(9)[1:], *shut(1)) == "skipped"
    assert night(3, *many(9)[2:], *shut(1, 2)) == "held"
    # The reader still has both: what comes back unchanged is not sent.
    assert night(4, *many(9)) == "skipped"
    assert night(5, order(1, "B"), *many(9)[1:]) == "delivered"
    (delta,) = project.partner.glob("*06-4218-order-feed-delta.csv")
    assert {row["order_id"] for row in read(delta)} == {"1"}


def test_changes_csv_has_only_what_the_reader_is_told(project: OrderProject) -> None:
    """No row of the file removes an order that moved where no file is made."""
    terms = (ALWAYS, SHUT_TERM)
    published(project, MONDAY, *many(9), terms=terms)
    moved = order(1, "A", sis_term_id="4228")
    now = (moved, order(2, "B"), *many(9)[2:])
    assert published(project, MONDAY + DAY, *now, terms=terms)[DELTA] == "held"
    approve(project, MONDAY + DAY)
    outcome = project.publish(MONDAY + DAY)["order_feed_delta_file.4218"]
    assert outcome.summary["status"] == "delivered", outcome.text
    (manifest,) = Path(outcome.summary["package"]).glob("*.manifest.json")
    changes = json.loads(manifest.read_bytes())["run"]["changes"]
    counts = [changes[name] for name in ("removed", "added", "changed")]
    assert counts == [0, 0, 1]
    assert (changes["rows_before"], changes["rows_after"]) == (9, 9)


def test_an_order_that_leaves_a_closed_term_is_told_once(
    project: OrderProject,
) -> None:
    closing = during(MONDAY - DAY, MONDAY + DAY, "4228")
    terms = (ALWAYS, closing)
    published(
        project, MONDAY, order(1, "A", sis_term_id="4228"), *many(9)[1:], terms=terms
    )
    statuses = [
        published(project, MONDAY + day * DAY, *many(9), terms=terms)
        for day in (1, 2, 3)
    ]
    assert [each[DELTA] for each in statuses] == ["delivered", "skipped", "skipped"]


def test_an_order_that_moves_away_and_back_while_a_term_is_held_is_told_at_once(
    project: OrderProject,
) -> None:
    other = during(MONDAY, MONDAY + 99 * DAY, "4228")
    terms, reader = (ALWAYS, other, SHUT_TERM | {"sis_term_id": "4208"}), Consumer()
    stays = order(2, "B"), order(3, "C", sis_term_id="4228")
    published(project, MONDAY, order(1, "A"), order(4, "D"), *stays, terms=terms)
    # Order 4 moves where no file is made, which holds the first term's file.
    away = order(1, "A", sis_term_id="4228"), order(4, "D", sis_term_id="4208")
    night = published(project, MONDAY + DAY, *away, *stays, terms=terms)
    assert (night[DELTA], night["delta.4228"]) == ("held", "delivered")
    back = order(1, "A"), order(4, "D")
    night = published(project, MONDAY + 2 * DAY, *back, *stays, terms=terms)
    assert (night[DELTA], night["delta.4228"]) == ("delivered", "skipped")
    reader.take(project.partner.glob("*.csv"))
    assert {row["order_id"] for row in reader.rows("4218")} == {"1", "2", "4"}


def approve(
    project: OrderProject,
    at: dt.datetime,
    file: str = "order_feed_delta_file.4218",
) -> None:
    summary = project.publish(at)[file].summary
    checks = [check["id"] for check in summary["held_by"]]
    ledger = project.ledger
    newest = approval.releasable(
        ledger, project.data / "outbox", summary["sha256"], "it was a test order"
    )
    assert (newest["file"], newest["checks"]) == (file, checks)
    approval.approve(ledger, newest, "ann", "it was a test order")


def test_files_of_the_same_bytes_are_released_one_by_one(project: OrderProject) -> None:
    """Two deltas that only lost an order have no rows: the digest is the same."""
    others = [order(n, "A", sis_term_id="4228") for n in range(21, 30)]
    terms = (ALWAYS, during(MONDAY, MONDAY + 99 * DAY, "4228"))
    published(project, MONDAY, *many(9), *others, terms=terms)
    terms += (SHUT_TERM | {"sis_term_id": "4208"},)
    lost = [order(number, "A", sis_term_id="4208") for number in (1, 21)]
    lost = [*many(9)[1:], *others[1:], *lost]
    statuses = published(project, MONDAY + DAY, *lost, terms=terms)
    assert (statuses[DELTA], statuses["delta.4228"]) == ("held", "held")
    held = project.ledger.all("held")[-2:]
    assert held[0]["sha256"] == held[1]["sha256"]
    released = []
    for _ in held:
        ledger = project.ledger
        one = approval.releasable(
            ledger, project.data / "outbox", held[0]["sha256"], "they were tests"
        )
        released.append(approval.approve(ledger, one, "ann", "they were tests")["file"])
    assert released == ["order_feed_delta_file.4218", "order_feed_delta_file.4228"]
    with pytest.raises(Refused, match="was released by ann at"):
        approval.releasable(
            project.ledger, project.data / "outbox", held[0]["sha256"], "once more"
        )


def test_no_file_of_a_day_that_others_came_after(project: OrderProject) -> None:
    published(project, MONDAY + DAY, order(1, "A"))
    before = sorted(project.partner.iterdir())
    project.build({"terms": [ALWAYS], "orders": [order(1, "B")]}, MONDAY + DAY)
    outcomes = project.publish(MONDAY, is_due=False)
    for outcome in outcomes.values():
        assert (outcome.code, outcome.summary["status"]) == (1, "refused")
        assert "2091-01-02-4218-order-feed-" in outcome.text
    assert sorted(project.partner.iterdir()) == before


def test_a_record_of_a_later_time_is_reported_and_has_a_way_back(
    project: OrderProject,
) -> None:
    """One night ran with the clock ten days ahead."""
    published(project, MONDAY, order(1, "A"))
    project.build({"terms": [ALWAYS], "orders": [order(1, "B")]}, MONDAY - 10 * DAY)
    outcomes = project.publish(MONDAY - 10 * DAY)
    assert {each.code for each in outcomes.values()} == {1}
    for name, outcome in outcomes.items():
        feed = name.partition(".")[0]
        assert f"the last run of {name} was for 2091-01-01T08:00:00Z" in outcome.text
        assert f"`publish {feed} --again" in outcome.text
    # The reader has taken what is there, so the files of the true days are newer.
    reader = Consumer()
    reader.take(project.partner.iterdir())
    for path in project.partner.iterdir():
        path.unlink()
    again = Redelivery("an operator", "the clock is right again")
    outcomes = project.publish(MONDAY - 10 * DAY, is_due=False, again=again)
    assert {each.code for each in outcomes.values()} == {0}
    reader.take(project.partner.iterdir())
    assert {row["ci_title"] for row in reader.rows("4218")} == {"B"}
    # The next night needs nothing more.
    project.build({"terms": [ALWAYS], "orders": [order(1, "C")]}, MONDAY - 9 * DAY)
    outcomes = project.publish(MONDAY - 9 * DAY)
    assert {each.code for each in outcomes.values()} == {0}
    reader.take(project.partner.glob("2090-12-23-*"))
    assert {row["ci_title"] for row in reader.rows("4218")} == {"C"}


@pytest.mark.parametrize("minutes", [60, 61])
def test_an_hour_of_a_clock_is_allowed(project: OrderProject, minutes: int) -> None:
    published(project, MONDAY, order(1, "A"))
    at = MONDAY - dt.timedelta(minutes=minutes)
    status = "not due" if minutes == 60 else "refused"
    assert due(project, at) == dict.fromkeys(BOTH, status)
