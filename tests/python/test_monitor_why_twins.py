"""`monitor why` of rows that repeat each other: who the others are, who goes out."""

import json

import duckdb
import pytest
from built_project import BuiltProject
from landing import RUN, item, land_parts, preview, stock

# The columns that make two rows one part, or one key, computed from the models.
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
def project(tmp_path_factory) -> BuiltProject:
    folder = tmp_path_factory.mktemp("twins")
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
    told = {
        "run_id": RUN,
        "source": "ordertime",
        "status": "complete",
        "finished_at": "2026-01-15T06:10:00Z",
        "entities": {"part_items": {"sha256": "ab" * 32}},
    }
    said = project.data / "landing" / RUN / "ordertime/extract.json"
    said.write_text(json.dumps(told))
    built = project.run("dbt", "--quiet", "build")
    assert built.returncode == 0, built.stdout
    made = project.run(
        "publish", "onpart_inventory", "--dry-run", "--at", "2026-01-15T07:00:00Z"
    )
    assert made.returncode in (0, 1), made.stderr
    return project


def twins(told: dict, code: str) -> list[dict]:
    """What is told under a code, of each row in full."""
    return [
        rule["twins"]
        for row in told["rows"]
        for rule in row["rules"]
        if rule["code"] == code and "twins" in rule
    ]


@pytest.mark.parametrize("code", ["DUP_KEY", "DUP_PART"])
def test_as_many_are_counted_as_the_rule_found(project, code):
    with duckdb.connect(
        str(project.data / "warehouse.duckdb"), read_only=True
    ) as asked:
        found = asked.execute(
            f"select item_id, alike from ({GROUPS.format(like=LIKE[code])})"
            " where item_id in (select item_id from inventory_audit"
            f" where contains(reason_codes, '{code}')) and alike > 1 order by all"
        ).fetchall()
    assert len(found) > 2
    for item_id, alike in dict(found).items():
        told = twins(project.why(f"part:{item_id}"), code)
        assert told
        for each in told:
            assert len(each["rows"]) + each["more"] + 1 == alike, item_id
            assert each["won"] == 0


def test_three_others_are_named_and_the_rest_counted(project):
    (told,) = twins(project.why("part:20"), "DUP_KEY")
    assert told["shared"] == {"location_code": "MAIN", "supplier_sku": "300-7710"}
    assert [row["item_id"] for row in told["rows"]] == [3, 21, 22]
    assert told["more"] == 1
    assert told["rows"][0] == {
        **{"item_id": 3, "location_id": 1, "stock_row_id": None},
        **{"item_name": "300-7710", "location_name": "HQ"},
        **{"supplier_sku": "300-7710", "status": "REVIEW", "output": "AUDIT"},
        "reason_code": "DUP_KEY",
    }
    said = project.run("monitor", "why", "part:20").stdout
    assert (
        "  DUP_KEY: 4 other rows have location_code MAIN, supplier_sku 300-7710\n"
        "    300-7710 (part:3) at HQ: REVIEW, DUP_KEY\n"
        "    300-7710 (part:21) at HQ: REVIEW, DUP_KEY\n"
        "    300-7710 (part:22) at HQ: REVIEW, DUP_KEY\n"
        "    and 1 more\n"
        "    of these 5 rows, none goes out\n"
    ) in said


def test_one_part_under_other_skus_of_any_spelling(project):
    """An inactive one, one of another type and one elsewhere are no twins."""
    told = twins(project.why("part:31"), "DUP_PART")
    assert [[row["supplier_sku"] for row in each["rows"]] for each in told] == [
        ["400-1", "400-3"]
    ]
    assert [row["reason_code"] for row in told[0]["rows"]] == ["DUP_PART"] * 2
    assert twins(project.why("part:34"), "DUP_PART") == []


def test_two_stock_rows_of_one_item_are_each_others_twin(project):
    told = twins(project.why("part:35"), "DUP_KEY")
    assert [[row["item_id"] for row in each["rows"]] for each in told] == [[35], [35]]
    assert [each["more"] for each in told] == [0, 0]


def test_an_earlier_run_tells_the_twins_of_then(project, tmp_path):
    run = project.packages("onpart_inventory")[0].name
    # Since then they have been told apart.
    copied = project.copy(tmp_path / "copy")
    with duckdb.connect(str(copied.data / "warehouse.duckdb")) as changed:
        changed.execute("update inventory_audit set reason_codes = 'PRICE_ZERO'")
    assert twins(copied.why("part:20"), "DUP_KEY") == []
    (told,) = twins(copied.why("part:20", "--run", run), "DUP_KEY")
    assert [row["item_id"] for row in told["rows"]] == [3, 21, 22]
    assert told["more"] == 1


def test_what_is_no_longer_so_is_said_to_have_been_so(project, tmp_path):
    copied = project.copy(tmp_path / "copy")
    with duckdb.connect(str(copied.data / "warehouse.duckdb")) as changed:
        changed.execute("update inventory_audit set reason_codes = 'PRICE_JUMP'")
    ((row,)) = copied.why("part:1")["rows"]
    assert [rule["code"] for rule in row["rules"] if not rule["is_so_still"]] == [
        "PRICE_JUMP"
    ]
    said = copied.run("monitor", "why", "part:1").stdout
    assert "so at the build; what it was held against has changed since" in said
