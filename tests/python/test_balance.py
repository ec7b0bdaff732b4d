"""A row that a model drops without a reason code turns `dbt build` red."""

import re

import pytest
from conftest import spoil
from landing import item, land_orders, land_parts, order, preview, request, stock, term

PARTS = "parts_balance_at_every_stage"
ORDERS = "orders_balance_at_every_stage"
# A rule without a code, planted in a model: which rows of it stay.
PLANTED = [
    (PARTS, "intermediate/parts/int_parts_06_normalised", "supplier_sku <> '410-2250'"),
    (
        PARTS,
        "intermediate/parts/int_parts_13_all_codes",
        "reason_codes <> 'OD_LOW_STOCK'",
    ),
    (PARTS, "marts/inventory_feed", "qty_on_hand > 8"),
    (ORDERS, "intermediate/orders/int_orders_05_items", "cr_title is null"),
    (ORDERS, "intermediate/orders/int_orders_08_decided", "order_id <> 102"),
]


def land_both(data) -> None:
    items, stocked = preview()
    items.append(item(5, "500-1", "AM", cf_oem_number="00000-5E500"))
    land_parts(data, items, [*stocked, stock(2, "4", 2)])
    orders = [order(101, requests=(request("A wish"),)), order(102), order(103, ())]
    land_orders(data, orders, [term("4268-FA26")])


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("test", "model", "condition"),
    [pytest.param(*each, id=each[1]) for each in PLANTED],
)
def test_a_planted_where_is_seen(data, build, project, test, model, condition):
    land_both(data)
    spoil(
        project / f"models/{model}.sql",
        "\nselect * from final\n",
        f"\nselect * from final\nwhere {condition}\n",
    )
    code, output = build("--select", f"+{test}", project=project)
    assert code == 1
    assert re.search(rf"FAIL \d+ {test} ", output), output


def test_a_key_that_takes_the_place_of_another_is_seen(data, build, project):
    """The count is right, the keys are not."""
    land_both(data)
    spoil(
        project / "models/marts/order_audit.sql",
        "        orders_decided.order_id,\n",
        "        orders_decided.order_id + 1 as order_id,\n",
    )
    code, output = build("--select", f"+{ORDERS}", project=project)
    assert code == 1
    assert re.search(rf"FAIL \d+ {ORDERS} ", output), output


def test_a_whole_source_is_in_balance(data, build):
    land_both(data)
    code, output = build("--select", f"+{PARTS}", f"+{ORDERS}")
    assert code == 0, output
