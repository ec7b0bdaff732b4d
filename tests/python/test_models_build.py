"""The models as a whole, on real files: what SQL decides, and what dbt refuses."""

import json
import re
from datetime import datetime, timedelta

import duckdb
import pytest
import yaml
from commands import ROOT
from conftest import spoil
from landing import hold, item, land_parts, messy, preview, stock, write


def test_the_preview_of_the_case_study_comes_out(data, quick_build, query):
    land_parts(data, *preview())
    assert quick_build() == set()
    assert query(
        "select item_name, on_hand_raw, part_type, status, output, reason_code"
        " from inventory_audit order by item_name"
    ) == [
        ("100-4412", "12", "CAPA", "ELIGIBLE", "PUBLISH", "OK_CAPA"),
        ("225-0198", "0", "OEM", "FILTERED", "SKIP", "ON_HAND_ZERO"),
        ("300-7710", "8", "AM", "ELIGIBLE", "PUBLISH", "OK_AM"),
        ("410-2250", "3", "OD", "REVIEW", "AUDIT", "OD_LOW_STOCK"),
    ]
    row = query("from inventory_feed where supplier_sku = '100-4412'")[0]
    texts = [None if value is None else str(value) for value in row]
    assert texts == [
        *("DEMO01", "MAIN", "100-4412", "CAPA", "PAA", "CAPA", "NEW"),
        *("Example Stamping", "EX-10", "00000-1E100", "000001E100", None, None, None),
        *("Front bumper cover", "Bumper Cover", None, None, None, None),
        *("12", "412.55", "231.00", "0.00", None, "2026-01-15 06:00:00"),
    ]


def test_the_unit_tests_pass(compiled_project):
    statuses = [
        each["status"]
        for each in compiled_project.statuses
        if each["unique_id"].startswith("unit_test.")
    ]
    assert len(statuses) > 60
    assert {*statuses} == {"pass"}


def test_every_row_of_a_messy_source_is_accounted_for(data, quick_build, query):
    items, stocked = messy()
    land_parts(data, items, stocked)
    assert quick_build() == set()
    without_stock = {each["Id"] for each in items} - {
        row["ItemRef"]["Id"] for row in stocked
    }
    assert query("select count(*) from inventory_audit") == [
        (len(stocked) + len(without_stock),)
    ]
    reasons = dict(
        query(
            "select item_name || ' @ ' || coalesce(location_name, '-'), reason_code"
            " from inventory_audit where item_id not in (6, 7)"
        )
    )
    assert reasons == {
        "100-4412 @ HQ": "OK_CAPA",
        "100-4412 @ Warehouse East": "QTY_NEGATIVE",
        "225-0198 @ HQ": "ON_HAND_ZERO",
        "300-7710 @ HQ": "OK_AM",
        "300-7710 @ Warehouse East": "QTY_FRACTION",
        "410-2250 @ HQ": "OD_LOW_STOCK",
        "500-1 @ HQ": "CERT_CONFLICT",
        "800-1 @ -": "LOCATION_EXCLUDED",
        "800-1 @ HQ": "PRICE_MISSING",
        "900-1 @ HQ": "TYPE_NOT_OFFERED",
        "910-1 @ HQ": "PART_NO_MANGLED",
        "911-1 @ HQ": "OK_OEM",
        "911-1 @ Warehouse East": "OK_OEM",
        "911-1 @ Returns": "LOCATION_EXCLUDED",
        "912-1 @ -": "ON_HAND_ZERO",
        "item 99 @ HQ": "NOT_STOCK_ITEM",
    }
    # Its namesake is inactive, so the key is not claimed twice.
    assert query(
        "select reason_code from inventory_audit where item_id in (6, 7) order by 1"
    ) == [("ITEM_INACTIVE",), ("PRICE_ZERO",)]


def test_repeats_are_sent_to_review_all_of_them(data, quick_build, query):
    items, stocked = preview()
    items += [
        item(20, "300-7710", "AM"),
        item(21, "300-7711", "AM", cf_oem_number="0000021-E100"),
        item(22, "300-7712", "AM", cf_oem_number="00000 21E100"),
        item(23, "300-7713", "CAPA", cf_oem_number="00000-21E100", cf_partslink="-"),
    ]
    land_parts(data, items, stocked + [stock(n, "8") for n in (20, 21, 22, 23)])
    assert quick_build() == set()
    assert query(
        "select item_id, reason_codes from inventory_audit where item_id in"
        " (3, 20, 21, 22, 23) order by item_id"
    ) == [
        (3, "DUP_KEY"),
        (20, "DUP_KEY"),
        (21, "DUP_PART"),
        (22, "DUP_PART"),
        (23, "CAPA_UNPROVEN"),
    ]


@pytest.mark.sample(1)
@pytest.mark.parametrize("units", [False, True])
def test_thresholds_are_variables(data, build, query, units):
    land_parts(data, *preview())
    changed = {
        **{"supplier_code": "OTHER-1", "od_min_on_hand": 3, "qty_limit": 50},
        **{"price_jump_share": 0.1, "price_limit": 500, "safety_stock": 1},
        **{"description_length": 10, "brand_length": 7, "category_length": 9},
        **{"part_number_length": 20, "sku_length": 20, "publish_quantity": "available"},
        **{"capa_downgrade": True, "partslink_from_sku": True},
        **{"order_feed_layout": 3, "default_unit": "Each"},
    }
    code, output = build("--vars", json.dumps(changed), units=units)
    assert code == 0, output
    assert set(changed) == set(
        yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]
    )
    assert query("select distinct supplier_code from inventory_feed") == [("OTHER-1",)]
    assert query(
        "select reason_code, qty_on_hand, description, brand, warnings"
        " from inventory_audit where item_id = 4"
    ) == [("OK_OD", 2, "Front", "Example", "BRAND_CUT|CATEGORY_CUT|DESC_CUT")]


def test_a_price_is_compared_with_what_the_partner_holds(data, quick_build, query):
    """At another location too, if the partner does not have the part here."""
    items, stocked = preview()
    land_parts(data, items, [*stocked, *(stock(number, "8", 2) for number in (1, 3))])
    names = ("supplier_code", "location_code", "supplier_sku")
    columns = dict.fromkeys(names, "varchar")
    columns |= {"sell_price": "decimal(18, 2)", "a_column_since_dropped": "integer"}
    held = [
        {"supplier_sku": "100-4412", "sell_price": "165.00"},
        {"supplier_sku": "300-7710", "sell_price": "164.99"},
    ]
    for number, row in enumerate(held):
        file = data / f"{number}.parquet"
        row |= {"supplier_code": "DEMO01", "location_code": "MAIN"}
        write([row], columns, file)
        hold(duckdb.connect(), f"from '{file}'", data, "inventory_feed", f"to{number}")
    assert quick_build() == set()
    assert query(
        "select item_name, location_code, reason_code from inventory_audit"
        " where item_id in (1, 3) order by all"
    ) == [
        ("100-4412", "EAST", "OK_CAPA"),
        ("100-4412", "MAIN", "OK_CAPA"),
        ("300-7710", "EAST", "PRICE_JUMP"),
        ("300-7710", "MAIN", "PRICE_JUMP"),
    ]


def test_two_extract_runs_are_no_input(data, quick_build):
    land_parts(data, *preview(), run={"stock_by_location": "20260114T060000Z-test"})
    assert quick_build() == {"the_feed_comes_from_one_extract_run"}


@pytest.mark.long
def test_dbt_makes_the_same_rows_on_more_threads_and_records_its_build(
    data, build, quick_build, query, tmp_path
):
    land_parts(data, *messy())

    def rows() -> list[tuple]:
        return query("from inventory_feed order by all") + query(
            "from inventory_audit order by all"
        )

    assert quick_build(threads=1) == set()
    alone = rows()
    assert len({row[7] for row in alone if row[5] == "REVIEW"}) > 5
    code, output = build(FEEDS_THREADS=4)
    assert code == 0, output
    assert rows() == alone
    results = json.loads((tmp_path / "target/run_results.json").read_text())
    metadata = results["metadata"]
    ((run, command, built_at, ended_at, details, states),) = query("from builds")
    assert states == "[]"
    assert (run, command) == (metadata["invocation_id"], "build")
    recorded = json.loads(details)
    assert recorded["results"] == [
        {name: result[name] for name in ("unique_id", "status", "failures", "message")}
        for result in results["results"]
        if not result["unique_id"].startswith("operation.")
    ]
    assert built_at < ended_at
    assert query("select distinct comment from duckdb_views() where not internal") == [
        (run,)
    ]
    assert query(
        "select distinct comment from duckdb_tables() where table_name not in"
        " ('builds', 'unit_tests_passed')"
    ) == [(run,)]
    started = datetime.fromisoformat(metadata["invocation_started_at"])
    assert abs(built_at - started.replace(tzinfo=None)) < timedelta(seconds=5)


def test_a_rule_that_drops_a_row_without_a_reason_fails(data, quick_build):
    land_parts(data, *messy())
    inner = ("    left join item_codes\n", "    inner join item_codes\n")
    assert quick_build(spoiled={"int_parts_13_all_codes": (inner,)}) >= {
        "no_row_vanishes_between_source_and_audit",
        "parts_balance_at_every_stage",
    }


MONITORING = ("path:models/staging/publish", "path:models/monitoring")
SPOILED = {
    "the_feed_holds_exactly_the_eligible_rows": ("= 'ELIGIBLE'", "<> 'FILTERED'"),
    "the_three_type_columns_agree": ("certification,", "'NSF' as certification,"),
    "feed_key_is_unique": ("location_code,", "'MAIN' as location_code,"),
    "feed_condition_is_new": ("'NEW'", "'USED'"),
    "feed_amounts_are_valid": ("sell_price,", "0 - sell_price as sell_price,"),
    "feed_numbers_can_be_printed_and_fit": (
        "supplier_sku,",
        "chr(233) as supplier_sku,",
    ),
    "feed_partslink_and_gtin_have_their_shape": ("gtin,", "'1' as gtin,"),
    "feed_part_can_be_matched": (
        "oem_part_number,",
        "cast(null as varchar) as oem_part_number,",
    ),
    "feed_texts_are_on_one_line_and_fit": ("brand,", "'a' || chr(10) as brand,"),
    "feed_fitment_is_whole_or_blank": ("year_to,", "2000 as year_to,"),
    "feed_codes_are_capitals_digits_dash_and_underscore": (*("'DEMO01'", "'demo'"),),
}


def test_each_test_of_the_feed_sees_what_it_is_for(data, quick_build):
    land_parts(data, *messy())
    spoiled = {"inventory_feed": tuple(SPOILED.values())}
    assert quick_build(spoiled=spoiled) >= SPOILED.keys()


def test_a_seed_at_odds_with_the_audit_and_a_broken_contract_fail(data, build, project):
    items, stocked = preview()
    land_parts(data, [{**each, "UPC": "1"} for each in items], stocked)
    spoil(project / "seeds/warning_codes.csv", "GTIN_INVALID,", "GTIN_ODD,")
    codes = project / "seeds/reason_codes.csv"
    (skipped,) = re.findall("ON_HAND_ZERO.*", codes.read_text())
    spoil(codes, skipped, skipped.replace("SKIP", "AUDIT"))
    spoil(
        project / "models/marts/inventory_feed.sql",
        "        saleable_quantity as qty_on_hand,",
        "        cast(saleable_quantity as varchar) as qty_on_hand,",
    )
    code, output = build(project=project)
    assert code == 1
    assert {*re.findall(r"FAIL (\d+) (\w+) \.", output)} == {
        ("1", "audit_status_and_output_agree"),
        ("1", "every_warning_is_described"),
    }, output
    assert re.search("ERROR creating sql table model main.inventory_feed", output)
    assert "This model has an enforced contract that failed" in output
    assert re.search(r"qty_on_hand +\| VARCHAR +\| INTEGER", output), output


def test_a_folder_in_which_dbt_would_find_nothing_is_refused(build, tmp_path):
    code, output = build(FEEDS_DATA=tmp_path / "o'brien")
    assert (code, "expected a path without" in output) == (2, True), output
    assert not (tmp_path / "o'brien").exists()


def test_a_build_on_nothing_is_refused_and_an_absent_source_is_named(build, data):
    code, output = build("--select", "stg_ordertime__part_items")
    assert code == 2, output
    assert f"expected a landed source in {data}/landing/current, found none" in output
    # The code is proven without data.
    code, output = build("--select", "units_of_measure")
    assert code == 0, output
    land_parts(data, *preview())
    code, output = build("--select", "stg_ordertime__part_items")
    assert code == 0, output
    assert "Nothing of order_tool is in" in output
    assert "Nothing of ordertime" not in output


def test_a_number_that_is_none_and_a_second_stock_row_stop_their_rows_only(
    data, quick_build, query
):
    items, stocked = preview()
    spoiled = [{**items[0], "Price": '"412,55"'}, *items[1:]]
    repeated = {**stocked[2], "OnHand": "9"}
    # The rows of a place contradict each other also if one of them is empty.
    empty = [{**stocked[0], "OnHand": "0"}, {**stocked[0], "OnHand": "8"}]
    land_parts(data, spoiled, [*empty, *stocked[1:], repeated])
    assert quick_build() == set()
    codes = query("select item_name, reason_code from inventory_audit order by all")
    assert (items[0]["Name"], "ON_HAND_ZERO") in codes
    assert (items[0]["Name"], "DUP_KEY") in codes
    assert codes.count((items[2]["Name"], "DUP_KEY")) == 2


def test_a_time_with_an_offset_keeps_it(data, quick_build, query):
    items, stocked = preview()
    times = ("2026-01-14T23:30:00-05:00", "2026-01-14 23:30", "2026-01-14", "soon")
    land_parts(
        data,
        [
            {**each, "RecordInfo": {"ModifiedDate": time}}
            for each, time in zip(items, times, strict=True)
        ],
        stocked,
    )
    assert quick_build() == set()
    modified = query("select item_modified_at from inventory_audit order by item_id")
    assert modified == [
        (datetime(2026, 1, 15, 4, 30),),
        (datetime(2026, 1, 14, 23, 30),),
        (datetime(2026, 1, 14),),
        (None,),
    ]


def test_an_entry_of_a_seed_that_cannot_be_used_is_refused_by_name(build, project):
    for seed, lines in {
        "protected_parts": 'Part 9,true,x\n" ",true,y\npart  9,,z\n',
        "withdrawn_certificates": "zz-1000100,deleted,,x\n",
        "none_words": "W1,all\n",
    }.items():
        with (project / f"seeds/{seed}.csv").open("a") as file:
            file.write(lines)
    code, output = build("--select", "resource_type:seed", project=project)
    assert code == 1
    for refused in (
        "seeds/protected_parts.csv: these entries of supplier_sku are blank, can match"
        " nothing, or equal another one but for case, blanks and marks: 'Part 9',"
        " 'part  9', ' '. Correct or remove them.",
        "marks: 'ZZ1000100', 'zz-1000100'.",
        "seeds/none_words.csv: these entries of word",
    ):
        assert refused in output, output
    assert "Compilation Error in seed location_map" not in output


def test_a_seed_needs_its_columns_in_any_order(build, project, query):
    code, output = build("--select", "location_map", project=project)
    assert code == 0, output
    for seed, text in {
        "location_map": "note,location_code,location_name\nx,MAIN,HQ\n",
        "none_words": "word\nN/A\n",
        "part_types": "part_type,meaning\nOEM,new\n",
    }.items():
        (project / f"seeds/{seed}.csv").write_text(text)
    code, output = build(
        "--select", "location_map", "none_words", "part_types", project=project
    )
    assert code == 1
    for refused in (
        "seeds/none_words.csv: expected the columns word, used_for in its first line,"
        " found word. Add used_for;",
        "Add cieca_part_type, certification, is_genuine, is_offered;",
    ):
        assert refused in output, output
    assert query("select location_name, location_code from location_map") == [
        ("HQ", "MAIN")
    ]


def test_entries_match_as_the_rules_compare_and_a_fresh_directory_knows_no_past(
    data, build, query, project
):
    items, stocked = preview()
    land_parts(
        data,
        [
            {**items[0], "Name": " Keep  1", "cf_partslink": "to1000-992 N"},
            {**items[1], "ManufacturerPartNo": "ex.443", "cf_part_type": "oem\u00a0"},
            *items[2:],
        ],
        stocked,
    )
    for seed, lines in {
        "protected_parts": "keep 1,true,x\nKEEP-1,true,x\n",
        "withdrawn_certificates": (
            "TO1000992C,deleted,,x\nTO1000993,deleted,,x\nEX 443,deleted,,x\n"
        ),
    }.items():
        with (project / f"seeds/{seed}.csv").open("a") as file:
            file.write(lines)
    code, output = build("--select", "+seed_entries", *MONITORING, project=project)
    assert code == 0, output
    matched = query("select seed, entry from seed_entries where is_matched")
    assert {("protected_parts", "keep 1"), ("part_type_synonyms", "OEM")} <= {*matched}
    unmatched = query("select seed, entry from seed_entries where not is_matched")
    assert ("protected_parts", "KEEP-1") in unmatched
    assert {entry for seed, entry in matched if seed == "withdrawn_certificates"} == {
        "TO1000992C",
        "EX 443",
    }
    for table in ("runs", "files", "gates", "reason_counts", "deliveries", "holds"):
        assert query(f"select count(*) from {table}") == [(0,)]
    assert query("select count(*) from reviews") == [(0,)]
