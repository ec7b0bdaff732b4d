"""The order models as a whole, on small landings, night by night."""

import re

import pytest
from commands import ROOT
from conftest import spoil
from landing import (
    catalog_item,
    deliver,
    land_orders,
    land_parts,
    order,
    preview,
    request,
    term,
)

TERMS = [
    term("4268-FA26"),
    term("4271-SP27", ordering_opens_at="2026-10-01T07:00:00+02:00"),
    term("4262-SU26", is_archived=True, ordering_opens_at=None),
    term("a/b"),
]
ORDERS = ("+order_audit", "+order_terms", "+order_feed_delta", "order_warning_codes")
ONLY_ORDERS = ("--select", *ORDERS)


def failed(output: str) -> set[str]:
    """The data tests that failed, by the output of dbt."""
    return set(re.findall(r" of \d+ FAIL \d+ (\w+)", output))


def orders() -> list[dict]:
    """One order of each kind that matters, in three terms."""
    three = tuple(catalog_item(f"C{n}") for n in (1, 2, 3))
    return [
        order(101, requests=(request("A wish"),)),
        order(102, three, (request("W1"), request("W2")), ("S1", "S2", "S3")),
        order(103, canceled_at="2026-09-03T10:00:00Z"),
        order(104, (), (request("A wish"), request("A wish"))),
        order(105, sis_term_id="4271-SP27", is_royalty=None, updated_at=None),
        order(106, sis_term_id="4262-SU26"),
        order(107, (), ()),
        order(108, sections=()),
        order(109, sis_term_id="a/b"),
        order(110, sis_term_id="9999"),
        order(111, created_at="yesterday"),
        order(112, (catalog_item("C1", offer_price="$5"),)),
        order(113, (catalog_item("C1", title="null", author=["Roe; A."]),)),
    ]


def test_the_examples_of_the_specification_come_out(data, quick_build, query):
    land_parts(data, *preview())
    land_orders(data, orders(), TERMS)
    assert quick_build() == set()
    assert query(
        "select order_id, count(*) from order_feed_v2 group by 1 order by 1"
    ) == [
        *((101, 4), (102, 15), (103, 2), (104, 4), (105, 2), (106, 2), (113, 2)),
    ]
    assert query(
        "select order_id, status, reason_code, warnings, rows from order_audit"
        " order by order_id"
    ) == [
        (101, "ELIGIBLE", "OK_PLACED", None, 4),
        (102, "ELIGIBLE", "OK_PLACED", None, 15),
        (103, "ELIGIBLE", "OK_CANCELED", None, 2),
        (104, "ELIGIBLE", "OK_PLACED", None, 4),
        (105, "ELIGIBLE", "OK_PLACED", None, 2),
        (106, "ELIGIBLE", "OK_PLACED", None, 2),
        (107, "REVIEW", "ORDER_WITHOUT_ITEMS", None, 0),
        (108, "REVIEW", "ORDER_WITHOUT_SECTIONS", None, 0),
        (109, "REVIEW", "TERM_ID_UNFIT", None, 2),
        (110, "REVIEW", "TERM_UNKNOWN", None, 2),
        (111, "REVIEW", "TIME_UNREADABLE", None, 2),
        (112, "REVIEW", "PRICE_UNREADABLE", None, 2),
        (113, "ELIGIBLE", "OK_PLACED", "AUTHOR_SEPARATOR|NULL_TEXT", 2),
    ]
    texts = [
        tuple(None if value is None else str(value) for value in row)
        for row in query(
            "from order_feed_v2 where order_id = 101 and sis_section_id = 'S1'"
            " order by order_item_type"
        )
    ]
    head = ("4268-FA26", "101", "2026-09-01 18:51:00", "2026-09-02 00:00:00", "S1")
    assert texts == [
        (
            *(*head, None, "C1", "False", "catalog_item", "Roe, A.;Poe, B."),
            *('The "Big" Book C1', None, None, None, None, "0012345678905"),
            *("2003-01-31", "Unizin Engage", None, "Example Press", "2e"),
            *(None, "90.50", None, "150.00", "False"),
        ),
        (
            *(*head, None, None, "False", "content_request", None, None),
            *("2026-09-01 16:51:00", "A wish", None, "Canceled"),
            *([None] * 10),
            "False",
        ),
    ]
    assert query(
        "select distinct is_deleted from order_feed_v2 where order_id = 103"
    ) == [(True,)]
    assert query(
        "select sis_term_id, ordering_opens_at::varchar, is_deliverable, reason_code"
        " from order_terms order by 1"
    ) == [
        ("4268-FA26", "2026-05-01 05:00:00", True, None),
        ("4271-SP27", "2026-10-01 05:00:00", True, None),
        ("a/b", "2026-05-01 05:00:00", False, "TERM_ID_UNFIT"),
    ]


LAYOUT_1 = re.findall(
    r"\w+",
    """
    sis_term_id order_id order_created order_updated sis_section_id
    sis_content_id is_deleted author title searchable_isbn publication_date
    delivery_solution sis_publisher_id publisher_name edition offer_price_original
    offer_price print_list_price_original print_list_price is_royalty
    """,
)
LAYOUT_2 = re.findall(
    r"\w+",
    """
    sis_term_id order_id order_created order_updated sis_section_id
    sis_content_id content_id is_deleted order_item_type ci_author ci_title cr_created
    cr_title cr_isbn cr_status ci_searchable_isbn ci_publication_date
    ci_delivery_solution ci_sis_publisher_id ci_publisher_name ci_edition
    ci_offer_price_original ci_offer_price
    ci_print_list_price_original ci_print_list_price is_royalty
    """,
)
LAYOUT_3 = [
    *LAYOUT_2[:-1],
    "ci_student_price_original",
    "ci_student_price",
    "is_royalty",
]


@pytest.mark.sample(1)
@pytest.mark.parametrize("delivered", [2, 1, 3])
def test_each_layout_has_its_columns_in_their_order(data, build, query, delivered):
    setting = f"{{order_feed_layout: {delivered}}}"
    land_orders(data, [], [])
    code, output = build(*ONLY_ORDERS, "--vars", setting)
    assert code == 0, output
    for layout, columns in enumerate((LAYOUT_1, LAYOUT_2, LAYOUT_3), start=1):
        for model in ("order_feed", "order_feed_delta"):
            assert columns == [
                name
                for (name,) in query(
                    "select column_name from information_schema.columns"
                    f" where table_name = '{model}_v{layout}' order by ordinal_position"
                )
            ]
            kind = "BASE TABLE" if layout == delivered else "VIEW"
            assert query(
                "select table_type from information_schema.tables"
                f" where table_name = '{model}_v{layout}'"
            ) == [(kind,)]


def test_each_layout_has_its_rows(data, quick_build, query):
    land_orders(data, orders(), TERMS)
    assert quick_build() == set()
    # Layout 1 has no content requests: 101 has two rows of four, 104 none.
    assert query(
        "select order_id, count(*) from order_feed_v1 group by 1 order by 1"
    ) == [
        *((101, 2), (102, 9), (103, 2), (105, 2), (106, 2), (113, 2)),
    ]
    assert query(
        "select distinct title, offer_price::varchar from order_feed_v1"
        " where order_id = 101"
    ) == [('The "Big" Book C1', "90.50")]
    assert query(
        "select distinct ci_student_price::varchar from order_feed_v3"
        " where order_id = 101 and order_item_type = 'catalog_item'"
    ) == [("99.55",)]


def test_a_company_without_an_order_tool_builds(data, quick_build, query):
    land_parts(data, *preview())
    assert quick_build() == set()
    for table in (
        "order_feed_v1",
        "order_feed_v2",
        "order_feed_v3",
        "order_feed_delta_v2",
    ):
        assert query(f"select count(*) from {table}") == [(0,)]
    assert query("select count(*) from order_audit") == [(0,)]
    assert query("select count(*) from order_terms") == [(0,)]


def test_a_delta_restates_what_changed_and_nothing_else(data, quick_build, query):
    """First night everything, then nothing, then five changes of five kinds."""
    land_orders(data, orders(), TERMS)
    delta = "select order_id, count(*) from order_feed_delta_v2 group by 1 order by 1"

    def built() -> list[tuple]:
        assert quick_build() == set()
        return query(delta)

    everything = built()
    assert everything == query(delta.replace("_delta", ""))
    # A failed delivery changes nothing.
    assert built() == everything
    deliver(data)
    assert built() == []

    changed = {each["order_id"]: each for each in orders()}
    changed[101] |= {"canceled_at": "2026-09-04T00:00:00Z"}  # with two items
    changed[102] |= {"sections": changed[102]["sections"][:2]}
    changed[102] |= {"catalog_items": changed[102]["catalog_items"][1:]}
    changed[104]["content_requests"].pop()  # one of two that were alike
    changed[105]["catalog_items"] = [catalog_item("C1", offer_price=91)]
    changed[106] |= {"sections": changed[106]["sections"][::-1]}  # no change
    changed[113] |= {"updated_at": "2026-09-02T00:00:59Z"}  # nor this: same minute
    changed[200] = order(200, sis_term_id="4271-SP27")
    del changed[103]  # vanished, and was delivered as deleted
    land_orders(data, list(changed.values()), TERMS)
    assert built() == [(101, 4), (102, 8), (104, 2), (105, 2), (200, 2)]
    assert query(
        "select distinct order_id from order_feed_delta_v2 where is_deleted order by 1"
    ) == [(101,)]
    deliver(data)
    assert built() == []


def test_a_layout_is_compared_with_what_was_delivered_in_it(data, quick_build, query):
    land_orders(data, orders(), TERMS)
    assert quick_build() == set()
    deliver(data, "order_feed_v3")
    assert quick_build() == set()
    assert query("select count(*) from order_feed_delta_v3") == [(0,)]
    changed = orders()
    # A student's price is in the third layout only.
    changed[0]["catalog_items"] = [catalog_item("C1", student_price=1)]
    land_orders(data, changed, TERMS)
    deliver(data)
    assert quick_build() == set()
    assert query("select distinct order_id from order_feed_delta_v3") == [(101,)]
    assert query("select count(*) from order_feed_delta_v2") == [(0,)]


def test_orders_that_are_hostile_in_every_way_are_named(data, quick_build, query):
    hostile = [
        order(1, sections=()) | {"sections": {"sis_section_id": "S1"}},
        order(2) | {"catalog_items": ["C1", 5, None, [], {}]},
        order(3) | {"content_requests": "none"},
        order(4, (catalog_item("C1", author={"name": "Roe"}, title=["T"]),)),
        order(5, (catalog_item("C1", author="[Anon.]", title="x" * 10_000 + "\\"),)),
        order(6, (catalog_item("C1"), catalog_item("C1")), (), ("S1", "S1")),
        order(7, canceled_at=""),
        order(8, canceled_at="0000-00-00 00:00:00"),
        order(9, (catalog_item(None), catalog_item(" "))),
        order(10, (), (request("T", status="Lost"),)),
        order(11, (catalog_item("C1", delivery_solution="Post"),)),
        order(12, (catalog_item("C1", offer_price=-1, student_price=0.005),)),
        order(13, sections=("S1", " ")),
        order(14, sis_term_id=None, created_at=None),
        order(15, (catalog_item("C1", title="a\x00b\nc", publication_date="1 May"),)),
    ]
    land_orders(data, hostile, TERMS)
    assert quick_build() == set()
    assert query(
        "select order_id, reason_codes, warnings from order_audit order by order_id"
    ) == [
        (1, "LIST_UNREADABLE|ORDER_WITHOUT_SECTIONS", None),
        (2, "ITEM_EMPTY|CONTENT_ID_MISSING", None),
        (3, "LIST_UNREADABLE", None),
        (4, "TEXT_UNREADABLE", None),
        (5, "OK_PLACED", None),
        (6, "OK_PLACED", "CONTENT_REPEATED|SECTION_REPEATED"),
        (7, "OK_PLACED", None),
        (8, "TIME_UNREADABLE", None),
        (9, "CONTENT_ID_MISSING", None),
        (10, "STATUS_UNKNOWN", None),
        (11, "DELIVERY_UNKNOWN", None),
        (12, "PRICE_NEGATIVE", "PRICE_ROUNDED"),
        (13, "SECTION_ID_MISSING", None),
        (14, "TERM_UNKNOWN|TIME_MISSING", None),
        (15, "OK_PLACED", "CONTROL_CHARACTER|DATE_UNREADABLE"),
    ]
    assert query(
        "select distinct length(ci_title), ci_author from order_feed_v2"
        " where order_id = 5"
    ) == [(10_001, "[Anon.]")]
    assert query("select count(*) from order_feed_v2 where order_id = 6") == [(2,)]


def test_the_codes_stand_in_the_order_in_which_they_are_asked():
    rules = (ROOT / "models/intermediate/orders/int_orders_08_decided.sql").read_text()
    ruled = re.findall(r"(?:then|else) '([A-Z_]+)'", rules)
    seeded = [
        line.split(",")[0]
        for seed in ("order_reason_codes", "order_warning_codes")
        for line in (ROOT / f"seeds/{seed}.csv").read_text().splitlines()[1:]
    ]
    shown = ["OK_PLACED", "OK_CANCELED"]
    assert [code for code in ruled if code not in shown] == [
        code for code in seeded if code not in shown
    ]
    assert set(shown) <= set(ruled) & set(seeded)


SPOILED_ROWS = """
select * replace (
    is_deleted <> (order_id = 101 and sis_section_id = 'S1') as is_deleted,
    case when order_item_type = 'content_request' then 'Lost' end as cr_status,
    case when order_id = 103 then 'Post' else ci_delivery_solution end
        as ci_delivery_solution,
    case when order_id = 113 then 'gift' else order_item_type end as order_item_type,
    case when order_id = 105 then 'x' else cr_title end as cr_title,
    case when order_id = 106 then -1 else ci_offer_price end as ci_offer_price,
    order_created + interval 5 second as order_created,
    case when order_id = 106 then ' ' else ci_edition end as ci_edition
)
from final
where order_id <> 104
"""


def test_each_test_of_the_feed_sees_what_it_is_for(data, quick_build):
    land_orders(data, orders(), TERMS)
    final = ("\nselect * from final", SPOILED_ROWS)
    assert quick_build(spoiled={"int_orders_09_rows": (final,)}) == {
        "every_order_is_shown_or_in_review",
        "orders_balance_at_every_stage",
        "order_rows_are_items_times_sections",
        "order_values_agree_on_all_rows_of_an_order",
        "order_request_status_is_known",
        "order_delivery_solution_is_known",
        "order_item_type_is_known",
        "order_rows_hold_nothing_of_the_other_kind",
        "order_prices_are_not_negative",
        "order_times_are_whole_minutes",
        "order_texts_are_never_blank",
    }


def test_each_test_of_the_audit_and_of_the_layout_sees_what_it_is_for(
    data, build, project
):
    land_orders(data, orders(), TERMS, {"terms": "another run"})
    spoil(project / "seeds/order_warning_codes.csv", "NULL_TEXT,", "NUL_TEXT,")
    reasons = project / "seeds/order_reason_codes.csv"
    (skipped,) = re.findall("ORDER_WITHOUT_ITEMS.*", reasons.read_text())
    spoil(reasons, skipped, skipped.replace("AUDIT", "PUBLISH"))
    layouts = project / "macros/layouts.sql"
    spoil(
        layouts, "'table' if layout == var('order_feed_layout') else 'view'", "'view'"
    )
    is_a_table = "every_delivered_model_is_a_table"
    code, output = build(*ONLY_ORDERS, is_a_table, project=project)
    assert code == 1
    assert failed(output) == {
        "the_order_feed_comes_from_one_extract_run",
        "every_order_warning_is_described",
        "order_audit_status_and_output_agree",
        "orders_balance_at_every_stage",
        is_a_table,
    }, output


def test_an_order_or_a_term_that_comes_twice_is_refused(data, quick_build):
    land_orders(data, [*orders(), order(101)], [*TERMS, TERMS[0]])
    assert quick_build() >= {
        "unique_stg_order_tool__orders_order_id",
        "unique_stg_order_tool__terms_sis_term_id",
    }


def test_a_section_that_comes_twice_is_refused(data, quick_build):
    land_orders(data, orders(), TERMS)
    final = "\nselect * from final"
    again = (final, f"{final} union all select * from final")
    failed = quick_build(spoiled={"int_orders_02_sections": (again,)})
    assert "section_is_on_an_order_once" in failed


def test_a_reason_at_odds_with_its_seed_is_refused(data, build, project):
    land_orders(data, orders(), TERMS)
    spoil(project / "seeds/order_reason_codes.csv", "TERM_UNKNOWN,", "TERM_ODD,")
    codes = project / "seeds/reason_codes.csv"
    spoil(codes, "DUP_PART,24,", "DUP_PARTS,24,")  # no rule gives it, one is unknown
    spoil(codes, "QTY_FRACTION,8,", "QTY_FRACTION,18,")  # another order
    spoil(codes, "OK_OD,", "OK_ODD,")  # a type without its code
    in_order = "every_reason_code_has_a_rule_in_its_order"
    code, output = build(*ONLY_ORDERS, f"+{in_order}", project=project)
    assert code == 1
    assert re.search("NOT NULL constraint failed: order_audit.*status", output), output
    assert f"FAIL 5 {in_order}" in output, output
