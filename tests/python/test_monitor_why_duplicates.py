"""`monitor why` of rows that repeat each other: which they are, which go out."""

import duckdb
import pytest
from built_project import BuiltProject
from landing import item, land_parts, preview, stock, write_extract

# The columns by which the models find repeats.
GROUPS = """
    select item_id, count(*) over (partition by {like}) as alike
    from (
        select
            item_id,
            location_code,
            supplier_sku,
            part_type,
            coalesce(upper(brand), '') as brand_key,
            coalesce(oem_part_number_key, '') as oem_part_number_key,
            coalesce(partslink_number, '') as partslink_number
        from int_parts_11_place_codes
        inner join int_parts_06_normalised using (item_id)
        where is_in_play
    )
"""
LIKE = {
    "DUP_KEY": "location_code, supplier_sku",
    "DUP_PART": "location_code, part_type, brand_key, oem_part_number_key,"
    " partslink_number",
}


@pytest.fixture(scope="module")
def project(compiled_project, tmp_path_factory) -> BuiltProject:
    folder = tmp_path_factory.mktemp("duplicates")
    project = BuiltProject(folder)
    items, stocked = preview()
    one_part = {"cf_oem_number": "00000-21E100", "cf_partslink": "TO1000123"}
    maker = {"ManufacturerRef": {"Id": 7, "Name": "EXAMPLE stamping"}}
    items += [item(n, "300-7710", "AM") for n in (20, 21, 22, 23)]
    items += [
        item(30, "400-1", "AM", **one_part),
        item(
            31, "400-2", "AM", **{**one_part, "cf_oem_number": "0000021E100"}, **maker
        ),
        item(32, "400-3", "AM", **one_part, Price="0"),
        item(33, "400-4", "AM", **one_part, IsActive=False),
        item(34, "400-5", "CAPA", **one_part, cf_certification="CAPA"),
        item(35, "500-1", "AM"),
    ]
    stocked += [stock(n, "8") for n in (20, 21, 22, 23, 30, 31, 32, 33, 34, 35)]
    stocked += [stock(30, "5", 2), stock(35, "2")]
    land_parts(project.data, items, stocked)
    write_extract(project.data, "ordertime", {"part_items": {}})
    project.quick_build(compiled_project)
    published = project.run(
        "publish", "onpart_inventory", "--dry-run", "--at", "2026-01-15T07:00:00Z"
    )
    assert published.returncode in (0, 1), published.stderr
    return project


def duplicates(answer: dict, code: str) -> list[dict]:
    """The duplicates under a code, of each row that is explained."""
    return [
        each["duplicates"]
        for row in answer["rows"]
        for each in row["codes"]
        if each["code"] == code and "duplicates" in each
    ]


@pytest.mark.parametrize("code", ["DUP_KEY", "DUP_PART"])
def test_as_many_are_counted_as_the_rule_counts(project, code):
    with duckdb.connect(
        str(project.data / "warehouse.duckdb"), read_only=True
    ) as connection:
        items = connection.execute(
            f"select item_id, alike from ({GROUPS.format(like=LIKE[code])})"
            " where item_id in (select item_id from inventory_audit"
            f" where contains(reason_codes, '{code}')) and alike > 1 order by all"
        ).fetchall()
    assert len(items) > 2
    for item_id, alike in dict(items).items():
        listed = duplicates(project.why(f"part:{item_id}"), code)
        assert listed
        for each in listed:
            assert len(each["rows"]) + each["more"] + 1 == alike, item_id
            assert each["won"] == 0


def test_three_others_are_named_and_the_rest_counted(project):
    (listed,) = duplicates(project.why("part:20"), "DUP_KEY")
    assert listed["shared"] == {"location_code": "MAIN", "supplier_sku": "300-7710"}
    assert [row["item_id"] for row in listed["rows"]] == [3, 21, 22]
    assert listed["more"] == 1
    assert listed["rows"][0] == {
        **{"item_id": 3, "location_id": 1, "stock_row_id": None},
        **{"item_name": "300-7710", "location_name": "HQ"},
        **{"supplier_sku": "300-7710", "status": "REVIEW", "output": "AUDIT"},
        "reason_code": "DUP_KEY",
    }
    text = project.run("monitor", "why", "part:20").stdout
    assert (
        "      4 other rows have location_code MAIN, supplier_sku 300-7710\n"
        "        300-7710 (part:3) at HQ: REVIEW, DUP_KEY\n"
        "        300-7710 (part:21) at HQ: REVIEW, DUP_KEY\n"
        "        300-7710 (part:22) at HQ: REVIEW, DUP_KEY\n"
        "        and 1 more\n"
        "      of these 5 rows, none goes out\n"
    ) in text


def test_one_part_under_other_skus_of_any_spelling(project):
    """An inactive one, one of another type and one elsewhere are no duplicates."""
    listed = duplicates(project.why("part:31"), "DUP_PART")
    assert [[row["supplier_sku"] for row in each["rows"]] for each in listed] == [
        ["400-1", "400-3"]
    ]
    assert [row["reason_code"] for row in listed[0]["rows"]] == ["DUP_PART"] * 2
    assert duplicates(project.why("part:34"), "DUP_PART") == []


def test_two_stock_rows_of_one_item_are_each_others_duplicate(project):
    listed = duplicates(project.why("part:35"), "DUP_KEY")
    assert [[row["item_id"] for row in each["rows"]] for each in listed] == [[35], [35]]
    assert [each["more"] for each in listed] == [0, 0]


def test_an_earlier_run_shows_the_duplicates_of_its_time(project, tmp_path):
    run = project.packages("onpart_inventory")[0].name
    # In the warehouse they are no duplicates any more.
    copied = project.copy(tmp_path / "copy")
    with duckdb.connect(str(copied.data / "warehouse.duckdb")) as changed:
        changed.execute(
            "create table changed as select * replace ('PRICE_ZERO' as reason_codes) "
            "from inventory_audit; drop table inventory_audit; "
            "alter table changed rename to inventory_audit"
        )
    assert duplicates(copied.why("part:20"), "DUP_KEY") == []
    (listed,) = duplicates(copied.why("part:20", "--run", run), "DUP_KEY")
    assert [row["item_id"] for row in listed["rows"]] == [3, 21, 22]
    assert listed["more"] == 1


def test_a_warehouse_without_looks_at_shows_the_codes_without_values(project, tmp_path):
    """A build of an earlier version; its packages are explained as well."""
    run = project.packages("onpart_inventory")[0].name
    copied = project.copy(tmp_path / "copy")
    with duckdb.connect(str(copied.data / "warehouse.duckdb")) as changed:
        changed.execute("alter table reason_codes drop looks_at")
    for words in (), ("--run", run):
        (row,) = copied.why("part:20", *words)["rows"]
        (code,) = row["codes"]
        assert (code["code"], code["values"]) == ("DUP_KEY", {})
        assert code["remedy"] == "Merge the items or the stock rows"
