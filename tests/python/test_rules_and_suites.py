"""Every expectation about a row has a rule that decides the row before it."""

import csv
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from built_project import NIGHTS, BuiltProject
from commands import ROOT
from compiled_project import Compiled
from landing import (
    catalog_item,
    item,
    land_orders,
    land_parts,
    order,
    request,
    stock,
    term,
    write_extract,
)

from publish.gate.suite import as_aggregate, run
from runtime import duck
from runtime.environment import Limits

SUITES = sorted((ROOT / "tests/expectations").glob("*.json"))
# What these check is the file as a whole; no rule about a row can decide it.
OF_THE_FILE = {"columns-exact", "rows-at-least-one", "supplier-code-one"}


def expectations() -> list[Any]:
    """Return every expectation about a row, as parameters named by suite and id."""
    return [
        pytest.param(suite.stem, each["meta"], id=f"{suite.stem}-{each['meta']['id']}")
        for suite in SUITES
        for each in json.loads(suite.read_bytes())["expectations"]
        if each["meta"]["id"] not in OF_THE_FILE
    ]


def reasons(seed: str) -> set[str]:
    """Return the codes of a seed that keep a row out of the file."""
    with (ROOT / f"seeds/{seed}.csv").open(encoding="utf-8") as lines:
        return {
            row["reason_code"]
            for row in csv.DictReader(lines)
            if row["output"] != "PUBLISH"
        }


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_condition_of_a_row_is_counted_in_one_query(path: Path) -> None:
    queries = [
        each
        for each in json.loads(path.read_bytes())["expectations"]
        if each["type"] == "unexpected_rows_expectation"
    ]
    kinds = {each["meta"]["id"]: as_aggregate(each)["type"] for each in queries}
    assert set(kinds.values()) == {"expect_no_row_where"}, kinds


def test_a_query_that_is_no_plain_condition_keeps_its_form() -> None:
    query = "select count(*) from {batch} where a = 1"
    each = {
        "type": "unexpected_rows_expectation",
        "kwargs": {"unexpected_rows_query": query},
        "meta": {},
    }
    assert as_aggregate(each) == each


@pytest.mark.filterwarnings("ignore")  # of Great Expectations
def test_conditions_of_a_table_are_one_query_and_those_that_fail_are_asked_again(
    tmp_path: Path,
) -> None:
    def condition(name: str, where: str) -> dict[str, Any]:
        return {
            "type": "unexpected_rows_expectation",
            "kwargs": {
                "unexpected_rows_query": f"select a from {{batch}} where {where}"
            },
            "meta": {"id": name, "why": "."},
        }

    repeated = "select a from {batch} group by a having count(*) > 1"
    suite = [
        condition("negative", "a < 0"),
        condition("repeated", f"a in ({repeated})"),
        condition("braces", "regexp_full_match(b, '[x]{{3,4}}')"),
        condition("too great", "a > 8"),
    ]  # fmt: skip
    with (
        duck.open_session(Limits("1GB", 1), tmp_path) as connection,
        duck.scratch(connection),
    ):
        connection.execute(
            "create table feed as select a, 'x' as b from range(10) r(a)"
        )
        connection.execute("call enable_logging('QueryLog')")
        checks = run(connection, suite, ("a",))
        queries = connection.execute(
            "select message from duckdb_logs where type = 'QueryLog'"
        ).fetchall()
    outcomes = {check.id: (check.passed, check.hard) for check in checks}
    assert outcomes == {
        "negative": (True, False),
        "repeated": (True, False),
        "braces": (True, False),
        "too great": (False, False),
    }
    (failed,) = (check for check in checks if not check.passed)
    assert (failed.count, failed.examples) == (1, ({"a": 9},))
    for once in ("a < 0", "having count(*) > 1", "{3,4}"):
        assert sum(once in query for (query,) in queries) == 1, once


@pytest.mark.parametrize(("suite", "meta"), expectations())
def test_an_expectation_about_a_row_names_what_decides_the_row(
    suite: str, meta: dict[str, Any]
) -> None:
    """A reason code, or the file that cannot make such a row."""
    seed = "reason_codes" if suite == "onpart_inventory" else "order_reason_codes"
    files = [ROOT / "dbt_project.yml", *ROOT.glob("models/**/*.sql")]
    files += ROOT.glob("seeds/*.csv")
    names = {file.name for file in files} | {file.stem for file in files}
    assert meta["decided_by"]
    assert set(meta["decided_by"]) <= reasons(seed) | names


def test_a_value_that_can_be_confirmed_waits_by_a_rule() -> None:
    """Each code that an exposure names in `confirm` is one of its seed, in review."""
    (exposure,) = yaml.safe_load(
        (ROOT / "models/marts/_marts__exposures.yml").read_bytes()
    )["exposures"]
    with (ROOT / "seeds/reason_codes.csv").open(encoding="utf-8") as lines:
        waiting = {
            row["reason_code"]: row["looks_at"].split("|")
            for row in csv.DictReader(lines)
            if row["status"] == "REVIEW"
        }
    for each in exposure["config"]["meta"]["confirm"]:
        assert {each["column"], f"last_{each['column']}"} <= {*waiting[each["code"]]}


ODD_TEXTS = [
    *(None, "", " ", "?", "[]", "{}", "-", "0", "N/A", "'1", "=1+1", "A|B", "A, B"),
    *("1.23E+11", "X 1.23E+11", "A #N/A", "2024-03-05", "Ж-1234", "A" * 60, "a\nb\x00"),
    '{"Id": 1}',
]
ODD_NUMBERS = [None, "x", "-1", "0", "0.004", "1e9", "99999999999999", "NaN", "2.5"]
TEXT_FIELDS = [
    *("Name", "ManufacturerPartNo", "Description", "UPC", "cf_oem_number"),
    *("cf_partslink", "cf_alternate_numbers", "cf_vehicle_make", "cf_od_source"),
    *("cf_certification", "cf_part_type"),
]
NUMBER_FIELDS = ["Price", "StdCost", "Weight", "cf_list_price", "cf_core_charge"]


def odd_parts() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return one part for each odd value of each field and part type, and stock."""
    changes = [(field, text) for field in TEXT_FIELDS for text in ODD_TEXTS]
    changes += [(field, text) for field in NUMBER_FIELDS for text in ODD_NUMBERS]
    names = [None, {"Id": 9, "Name": "?"}, {"Id": 9, "Name": None}]
    references = ("ManufacturerRef", "UomRef", "UomSetRef", "ItemGroupRef")
    changes += [(field, name) for field in references for name in names]
    items = [
        item(number, f"SKU-{number}", kind, **{field: value})
        for number, (kind, (field, value)) in enumerate(
            itertools.product(("OEM", "OD", "AM", "CAPA"), changes), 1000
        )
    ]
    stocked = [stock(each["Id"], "7") for each in items]
    good = [item(number, f"GOOD-{number}", "AM") for number in range(1, 21)]
    odd_stock = [
        {**stock(number, "7"), "OnHand": on_hand, "Available": available}
        for number, (on_hand, available) in enumerate(
            itertools.product(ODD_NUMBERS, ODD_NUMBERS), 10_000
        )
    ]
    items += [item(each["ItemRef"]["Id"], f"S-{n}", "AM") for n, each in
              enumerate(odd_stock)]  # fmt: skip
    stocked += odd_stock + [stock(each["Id"], "7") for each in good]
    return items + good, stocked


def odd_orders() -> list[dict[str, Any]]:
    """Return good orders, and one for each odd value of each field."""
    times = [None, "", "x", "0000-01-01T00:00Z", "9999-12-31T23:59:59-09:00", "2026"]
    orders = [order(number) for number in range(1, 21)]
    changes: list[dict[str, Any]] = [
        {field: text}
        for field in ("created_at", "updated_at", "canceled_at")
        for text in [*times, "2020-01-01T00:00:00Z"]
    ]
    changes += [
        {"content_requests": [{**request("T"), field: text}]}
        for field in ("created_at", "status", "title", "isbn")
        for text in [*ODD_TEXTS, *times]
    ]
    changes += [
        {"catalog_items": [{**catalog_item("C"), field: text}]}
        for field in (*catalog_item("C"),)
        for text in [*ODD_TEXTS, *ODD_NUMBERS]
        if field != "content_id"
    ]
    changes += [{"catalog_items": [catalog_item(text)]} for text in ODD_TEXTS]
    changes += [{"sections": [{"sis_section_id": text}]} for text in ODD_TEXTS]
    changes += [{"catalog_items": [catalog_item("C"), catalog_item("C")]}]
    orders += [
        {**order(number), **change} for number, change in enumerate(changes, 100)
    ]
    return [*orders, order(-1)]


def test_odd_records_are_decided_before_the_file(
    compiled_project: Compiled, tmp_path: Path
) -> None:
    """Every odd value of every field: each data test passes, and so does each suite."""
    project = BuiltProject(tmp_path)
    land_parts(project.data, *odd_parts())
    open_term = term("4268-FA26", ordering_opens_at="2026-01-01T00:00:00Z")
    land_orders(project.data, odd_orders(), [open_term])
    write_extract(project.data, "ordertime", {"part_items": {}})
    write_extract(project.data, "order_tool", {"orders": {}})
    (project.partner / "dev/order-feed").mkdir(parents=True)
    project.quick_build(compiled_project)
    files = project.publish(NIGHTS[0])["files"]
    assert len(files) == 3
    for package in project.recorded_packages():
        gates = json.loads((package.folder / "gates.json").read_bytes())
        checks = gates["predicate"]["checks"]
        failed = [each for each in checks if each["verdict"] != "pass"]
        assert {each["id"] for each in failed} <= {"RUN_REVIEW_RATE"}, failed
