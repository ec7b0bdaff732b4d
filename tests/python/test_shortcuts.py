"""A cheap check that spares an expensive one changes no result."""

import json
import re

import duckdb
import pytest

GROUPS = "1 02 31 12345 2024 19999 JAN may TRUE false E5 1E5 ABC x OR OLD 0 00 A1B2C3"
SEPARATORS = ["", "-", "--", " ", ".", "/", "+"]
LONG = ["1234567890123450", "12345678901234500000", "A" * 49, "#N/A", "=1", "'1", None]


@pytest.fixture
def compiled(built):
    manifest = json.loads((built.folder / "target/manifest.json").read_bytes())
    return {
        node["name"]: node["compiled_code"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


@pytest.fixture
def opened(built):
    with duckdb.connect() as connection:
        warehouse = built.data / "warehouse.duckdb"
        connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
        yield connection


def test_a_plain_number_passes_every_check(compiled, opened):
    code = compiled["int_parts_07_checked"].replace(
        '"warehouse"."main"."int_parts_06_normalised"', "numbers"
    )
    plain = re.search(r"supplier_sku, ('.*')\), true\) as is_supplier_sku_plain", code)
    assert plain
    opened.execute(
        "create temp table numbers as with "
        "groups as (select unnest($groups) as word), "
        "marks as (select unnest($marks) as mark), written as ("
        "select a.word || m.mark || b.word || n.mark || c.word as number "
        "from groups as a, marks as m, groups as b, marks as n, groups as c "
        "union select unnest($long)) "
        "select item.* replace (row_number() over () as item_id, "
        "number as supplier_sku, number as mfr_part_number, "
        "reverse(number) as oem_part_number) from written, "
        '(from "warehouse"."main"."int_parts_06_normalised" limit 1) as item',
        {"groups": GROUPS.split(), "marks": SEPARATORS, "long": LONG},
    )
    count = "select count(*) filter (regexp_matches(supplier_sku, {})) from numbers"
    assert opened.sql(count.format(plain[1])).fetchall()[0][0] > 10_000
    assert same_rows(opened, code, code.replace(plain[1], "'^never$.'"))


@pytest.mark.parametrize(
    ("model", "columns", "pattern"),
    [
        (
            "int_parts_00_alternates",
            ["alternate_numbers"],
            r"when regexp_matches\(number, ('\^\(\(0\[2-8\].*?')\) then true",
        ),
        (
            "int_parts_01_parsed",
            ["item_name", "manufacturer_part_number", "oem_number"],
            r"when regexp_matches\(item_name, ('\^\(0\[2-8\].*?')\) then '1'",
        ),
    ],
)
@pytest.mark.sample(1)
def test_a_sure_number_is_one(compiled, opened, model, columns, pattern):
    code = compiled[model].replace(
        '"warehouse"."main"."stg_ordertime__part_items"', "items"
    )
    sure = re.search(pattern, code)
    assert sure
    groups = [*GROUPS.split(), "11111", "98765", "NA", "TBA", "N/A", "none", "test"]
    values = ", ".join(f"number as {column}" for column in columns)
    opened.execute(
        "create temp table items as with groups as (select unnest($groups) as word), "
        "marks as (select unnest($marks) as mark), written as ("
        "select a.word || m.mark || b.word || n.mark || c.word as number "
        "from groups as a, marks as m, groups as b, marks as n, groups as c "
        "union select word || mark || word from groups, marks "
        "union select word from groups union select unnest($long)) "
        f"select item.* replace (row_number() over () as item_id, {values}) "
        'from written, (from "warehouse"."main"."stg_ordertime__part_items" limit 1) '
        "as item",
        {"groups": groups, "marks": SEPARATORS, "long": LONG},
    )
    count = "select count(*) filter (regexp_matches({}, {})) from items"
    assert opened.sql(count.format(columns[0], sure[1])).fetchall()[0][0] > 1_000
    assert same_rows(opened, code, code.replace(sure[1], "'^never$.'"))


def test_a_text_with_a_phrase_is_never_left_out(compiled, opened):
    code = compiled["int_parts_00_conditions"].replace(
        '"warehouse"."main"."stg_ordertime__part_items"', "items"
    )
    pattern = re.search(r"where regexp_matches\(text, ('.*')\)", code)
    assert pattern
    opened.execute(
        "create temp table items as with phrases as ("
        'select distinct phrase from "warehouse"."main"."condition_words"), '
        "written as (select unnest([phrase, upper(phrase), replace(phrase, ' ', '-'), "
        "replace(phrase, ' ', ''), replace(phrase, ' ', ' . '), phrase || 's', "
        "'12' || phrase || '34', 'a' || phrase, 'panel, ' || phrase || '/left', "
        "phrase || ' ' || phrase]) as text from phrases) "
        "select item.* replace (row_number() over () as item_id, "
        "text as item_name, null as item_full_name, null as item_group_name, "
        "null as description, null as purchase_description, null as note) "
        'from written, (from "warehouse"."main"."stg_ordertime__part_items" limit 1) '
        "as item"
    )
    assert len(opened.sql(code).fetchall()) > 500
    assert same_rows(opened, code, code.replace(pattern[1], "''"))


def test_a_time_in_utc_is_read_as_every_other_time(compiled, opened):
    read = re.search(
        r"as created_at,\s+(coalesce\(.*?\)) as modified_at",
        compiled["stg_ordertime__part_items"],
        re.DOTALL,
    )
    assert read
    code = f"select written, {read[1]} as moment from times".replace(
        "RecordInfo.ModifiedDate", "written"
    )
    pattern = re.search(r"('\^[^']*:\[0-9\]\{2\}Z\$')", code)
    assert pattern
    opened.execute("set TimeZone = 'UTC'")
    opened.execute(
        "create temp table times as select "
        "year || '-' || month || '-' || day || mark || hour || ':' || minute || ':' "
        "|| second || 'Z' as written from "
        "(select unnest(['0100', '1582', '1969', '2024', '2025', '9899', '9900']) "
        "as year), (select unnest(['00', '01', '02', '10', '12', '13']) as month), "
        "(select unnest(['00', '01', '14', '29', '30', '31', '32']) as day), "
        "(select unnest(['T', ' ']) as mark), "
        "(select unnest(['00', '12', '23', '24']) as hour), "
        "(select unnest(['00', '59', '60']) as minute), "
        "(select unnest(['00', '59', '60', '61']) as second)"
    )
    assert opened.sql(f"select count(moment) from ({code})").fetchall()[0][0] > 1_000
    assert same_rows(opened, code, code.replace(pattern[1], "'^never$.'"))


def same_rows(opened, one, other):
    assert one != other
    apart = f"(({one}) except all ({other})) union all (({other}) except all ({one}))"
    return opened.sql(apart).fetchall() == []
