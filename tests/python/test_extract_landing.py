"""Pages to Parquet: kinds, digits, custom fields, drift, keys."""

import json
import re
from array import array
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import ROOT, run

from extract.complete import Complete
from extract.custom_fields import custom_fields
from extract.entities import ORDERTIME
from extract.landing import Landed, land
from extract.pages import Facts, Listing, Stored, packed, page_path
from extract.strict_json import parse_typed_rows
from runtime.environment import Limits
from runtime.exits import Misuse, Refused

ENTITIES = {entity.name: entity for entity in ORDERTIME}
CUSTOM = {"cf_part_type": "Part Type", "cf_list_price": "ItemCust5"}


def item(identity: int, **changes: Any) -> dict[str, Any]:
    """A part item as Order Time sends it."""
    return {
        "Id": identity,
        "Name": f"SKU-{identity}",
        "ManufacturerPartNo": "007-A",
        "Description": 'A "quoted", text\r\nof two lines: [[[',
        "IsActive": True,
        "ItemGroupRef": {"Id": 2, "Name": "Hoods"},
        "Price": 12.3,
        "CustomFields": [
            {"Name": "ItemCust1", "Caption": "Part Type", "Value": "OEM"},
            {"Name": "ItemCust5", "Caption": "List Price", "Value": 7.5},
        ],
        **changes,
    }


def page(folder: Path, *texts: str, missing: frozenset[int] = frozenset()) -> Complete:
    """Durable pages with these bodies."""
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts, 1):
        page_path(folder, number).write_bytes(packed(text.encode()))
    facts = tuple(Facts(0, array("q"), b"") for _ in texts)
    read_at = datetime(2026, 11, 20, 6, tzinfo=UTC)
    return Complete(Listing(folder, 0, read_at, facts), 0, 1, removed=missing)


def landed(
    tmp_path: Path,
    *texts: str,
    entity: str = "part_items",
    first: list[Stored] | None = None,
    custom: dict[str, str] = CUSTOM,
    **options: Any,
) -> tuple[Landed, list[dict[str, Any]]]:
    """Land pages and read the Parquet file back."""
    target = tmp_path / f"{entity}.parquet"
    complete = page(tmp_path / "read-1", *texts, **options)
    custom = custom if entity == "part_items" else {}
    first = complete.pages if first is None else first
    limits = Limits("1GB", 2)
    table = land(
        ENTITIES[entity], first, lambda: complete, target, "run", custom, limits
    )
    rows = duckdb.execute("select * from read_parquet(?)", [str(target)])
    names = [column[0] for column in rows.description]
    return table, [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def test_known_fields_are_typed_and_stamped(tmp_path: Path) -> None:
    table, rows = landed(tmp_path, json.dumps([item(1), item(2, IsActive=None)]))
    assert table.rows == 2
    assert rows[0]["Id"] == 1
    assert rows[0]["Name"] == "SKU-1"
    assert rows[0]["ManufacturerPartNo"] == "007-A"
    assert rows[0]["Description"] == 'A "quoted", text\r\nof two lines: [[['
    assert rows[0]["IsActive"] is True
    assert rows[1]["IsActive"] is None
    assert rows[0]["ItemGroupRef"] == {"Id": 2, "Name": "Hoods"}
    assert rows[0]["ManufacturerRef"] is None
    assert rows[0]["_extract_run_id"] == "run"
    assert rows[0]["_extracted_at"] == datetime(2026, 11, 20, 6)
    assert rows[0]["_unrecognised"] is None


@pytest.mark.parametrize(
    "digits",
    [
        "12.30",
        "0.12345678901234567890",
        "173.952900000000000000001",
        "-0.005",
        "9007199254740993.5",
        "1e3",
        "0",
    ],
)
def test_numbers_keep_their_digits(tmp_path: Path, digits: str) -> None:
    text = json.dumps([item(1)]).replace('"Price": 12.3', f'"Price": {digits}')
    _, rows = landed(tmp_path, text)
    assert rows[0]["Price"] == digits


def test_custom_fields_become_columns_by_caption_or_name(tmp_path: Path) -> None:
    _, rows = landed(tmp_path, json.dumps([item(1), item(2, CustomFields=None)]))
    assert (rows[0]["cf_part_type"], rows[0]["cf_list_price"]) == ("OEM", "7.5")
    assert (rows[1]["cf_part_type"], rows[1]["cf_list_price"]) == (None, None)


@pytest.mark.parametrize(
    ("value", "column"),
    [
        ('"x \\"y\\" \\u00fc"', 'x "y" ü'),
        ("7.123456789012345678901", "7.123456789012345678901"),
        ("true", "true"),
        ("null", None),
        ('""', ""),
        ('"null"', "null"),
    ],
)
def test_a_custom_value_of_any_kind_is_kept_as_text(
    tmp_path: Path, value: str, column: str | None
) -> None:
    text = json.dumps([item(1)]).replace('"Value": "OEM"', f'"Value": {value}')
    assert landed(tmp_path, text)[1][0]["cf_part_type"] == column


def test_a_configured_custom_field_that_nobody_has_is_reported(tmp_path: Path) -> None:
    table, _ = landed(tmp_path, json.dumps([item(1, CustomFields=[])]))
    assert table.unmatched == ("ItemCust5", "Part Type")
    assert table.captions == ()


def test_the_captions_and_names_that_came_are_listed(tmp_path: Path) -> None:
    text = json.dumps([item(1)]).replace('"Part Type"', '"Part Typ"')
    table, _ = landed(tmp_path, text)
    assert table.unmatched == ("Part Type",)
    assert {"Part Typ", "ItemCust5"} <= {*table.captions}


@pytest.mark.parametrize("caption", ["part type", "Part Type ", "Kind"])
@pytest.mark.parametrize("reference", [7, "7"], ids=["decoded", "by SQL"])
def test_a_custom_field_that_is_renamed_while_it_is_read_is_refused(
    tmp_path: Path, caption: str, reference: object
) -> None:
    """Without its value, a core charge would be 0.00 in some of the rows."""
    renamed = json.loads(
        json.dumps(item(2, BinRef={"Id": reference})).replace("Part Type", caption)
    )
    listed = " and ".join(sorted((repr("Part Type"), repr(caption))))
    words = f"ItemCust1 has the captions {listed}; expected one"
    with pytest.raises(Refused, match=words):
        landed(tmp_path, json.dumps([item(1)]), json.dumps([renamed]))


def test_a_renamed_custom_field_that_is_no_column_changes_nothing(
    tmp_path: Path,
) -> None:
    records = [item(1), item(2)]
    for record, caption in zip(records, ("Color", "Colour"), strict=True):
        record["CustomFields"].append({"Name": "ItemCust9", "Caption": caption})
    assert landed(tmp_path, json.dumps(records))[0].rows == 2


def test_fields_we_do_not_know_are_kept_and_reported(tmp_path: Path) -> None:
    records = [item(1, New={"a": [1]}), item(2), item(3, New=None, Other="x")]
    table, rows = landed(tmp_path, json.dumps(records))
    assert table.unrecognised == {"New": 2, "Other": 1}
    fields = [row["_unrecognised"] and json.loads(row["_unrecognised"]) for row in rows]
    assert fields[:2] == [{"New": {"a": [1]}}, None]
    assert fields[2]["Other"] == "x"


@pytest.mark.parametrize("change", [{}, {"BinRef": {"Id": "7"}, "New": 1}])
def test_lists_and_unknown_fields_are_landed_as_text(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    landed(tmp_path, json.dumps([item(1, Other=[1], **change)]))
    types = pq.read_schema(tmp_path / "part_items.parquet")
    for name in ("CustomFields", "_unrecognised"):
        assert types.field(name).type == pa.string()


def test_polars_and_pandas_read_them_as_text(tmp_path: Path) -> None:
    readers = ROOT / ".venv/readers/bin/python"
    if not readers.exists():
        pytest.skip("make .venv/readers/.ready installs polars and pandas")
    landed(tmp_path, json.dumps([item(1, New={"a": [1]})]))
    program = (
        "import json, pandas, polars; file = 'part_items.parquet'\n"
        "rows = [polars.read_parquet(file).row(0, named=True),"
        " pandas.read_parquet(file).iloc[0]]\n"
        "print(json.dumps([[row['CustomFields'], row['_unrecognised']]"
        " for row in rows]))"
    )
    done = run(readers, "-c", program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for slots, rest in json.loads(done.stdout):
        assert json.loads(slots) == item(1)["CustomFields"]
        assert json.loads(rest) == {"New": {"a": [1]}}


def test_known_fields_that_nobody_has_are_listed(tmp_path: Path) -> None:
    table, _ = landed(tmp_path, json.dumps([item(1)]))
    assert "UPC" in table.absent
    assert "Price" not in table.absent


@pytest.mark.parametrize("sent", ["12.30", "call us", True, {"a": 1}, [1], "", " "])
def test_what_is_no_number_is_landed_as_json(tmp_path: Path, sent: object) -> None:
    landed(tmp_path, json.dumps([item(1), item(2, Price=sent)]))
    file = str(tmp_path / "part_items.parquet")
    (price,) = duckdb.execute(
        "select Price from read_parquet(?) where Id = 2", [file]
    ).fetchall()
    assert json.loads(price[0]) == sent
    assert duckdb.execute("select try_cast(? as decimal)", price).fetchall() == [
        (None,)
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Name": 7}, "field Name has another type: expected text, found 7 .* Id 2"),
        ({"IsActive": "yes"}, "field IsActive has another type"),
        ({"ItemGroupRef": 7}, "field ItemGroupRef has another type"),
        ({"ItemGroupRef": "Hoods"}, "field ItemGroupRef has another type"),
        ({"CustomFields": "none"}, "field CustomFields has another type"),
        ({"Type": 101.5}, "field Type has another type: expected a whole number"),
    ],
)
def test_a_retyped_field_is_refused_by_name(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(Refused, match=message):
        landed(tmp_path, json.dumps([item(1), item(2, **change)]))
    assert not (tmp_path / "part_items.parquet").exists()


@pytest.mark.parametrize(
    ("sound", "hostile", "key"),
    [
        ('"Price": 12.3', '"Price": 12.3, "Price": 1', "Price"),
        ('{"Id": 2, "Name"', '{"Id": 2, "Id": 3, "Name"', "Id"),
        ('"Value": "OEM"', '"Value": "OEM", "Value": "AM"', "Value"),
        ('"Id": 1,', '"Id": 1, "Odd": 1, "Odd": 2,', "Odd"),
    ],
)
def test_a_key_that_stands_twice_in_an_object_is_refused(
    tmp_path: Path, sound: str, hostile: str, key: str
) -> None:
    text = json.dumps([item(1)])
    assert sound in text
    message = f"the key {key} appears twice in an object, in the record with Id 1"
    with pytest.raises(Refused, match=message):
        landed(tmp_path, text.replace(sound, hostile))


@pytest.mark.parametrize("part", ["[" * 65 + "]" * 65, "9" * 101])
@pytest.mark.parametrize("place", ['"Price": %s', '"Odd": %s', '"CustomFields": [%s]'])
@pytest.mark.parametrize("custom", [CUSTOM, {}], ids=["mapped", "unmapped"])
def test_nesting_and_long_numbers_are_refused_when_they_are_landed(
    tmp_path: Path, part: str, place: str, custom: dict[str, str]
) -> None:
    text = json.dumps([item(1)])[:-2] + f", {place % part}}}]"
    text = text.replace('"Price": 12.3, ', "") if "Price" in place else text
    text = re.sub('"CustomFields": .*?}], ', "", text) if "Custom" in place else text
    assert [row.Id for row in parse_typed_rows(text.encode())] == [1]
    with pytest.raises(Refused, match=r"^ordertime.part_items: hostile JSON: expected"):
        landed(tmp_path, json.dumps([item(7)]), text, custom=custom)


def test_small_pages_are_landed_in_their_order(tmp_path: Path) -> None:
    pages = [json.dumps([item(n)], indent=1) for n in range(1, 5)]
    pages[2:2] = [" [ ] ", json.dumps([item(9, Price="odd", Id=9), item(10)])]
    _, rows = landed(tmp_path, *pages)
    assert [row["Id"] for row in rows] == [1, 2, 9, 10, 3, 4]
    assert [row["Price"] for row in rows] == ["12.3"] * 2 + ['"odd"'] + ["12.3"] * 3


def test_a_missing_known_field_is_refused_by_name(tmp_path: Path) -> None:
    records = [item(1), item(2)]
    for record in records:
        del record["Price"]
    with pytest.raises(Refused, match="the known field Price is missing"):
        landed(tmp_path, json.dumps(records))


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"the key Id = \(1,\) appears 2 times"):
        landed(tmp_path, json.dumps([item(1)]), json.dumps([item(1)]))


def test_a_stock_row_is_keyed_by_item_and_location(tmp_path: Path) -> None:
    row = {
        "ItemRef": {"Id": 1, "Name": "a"},
        "LocationRef": None,
        "OnHand": 1.5,
        "Available": None,
    }
    _, rows = landed(tmp_path, json.dumps([row]), entity="stock_by_location")
    assert (rows[0]["OnHand"], rows[0]["Available"]) == ("1.5", None)
    _, rows = landed(tmp_path, json.dumps([row, row]), entity="stock_by_location")
    assert len(rows) == 2
    with pytest.raises(Refused, match="the same record is on two pages"):
        landed(
            tmp_path, json.dumps([row]), json.dumps([row]), entity="stock_by_location"
        )
    for odd in (None, {}, {"Id": None, "Name": "b"}, {"Id": "x"}):
        pages = (
            json.dumps([row, {**row, "ItemRef": odd}]),
            json.dumps([{**row, "ItemRef": odd}]),
        )
        _, rows = landed(tmp_path, *pages, entity="stock_by_location")
        items = [(each["ItemRef"] or {}).get("Id") for each in rows]
        assert items == [1, None, None]
        with pytest.raises(Refused, match=r"1 of 1 records have no ItemRef\.Id"):
            landed(tmp_path, pages[1], entity="stock_by_location")


@pytest.mark.parametrize(
    ("reference", "identity", "name"),
    [
        ("{}", None, None),
        ('{"Name": "Each"}', None, "Each"),
        ('{"Id": null, "Name": "Each"}', None, "Each"),
        ('{"Id": "x", "Name": "Each"}', None, "Each"),
        ('{"Id": 1.5, "Name": "Each"}', None, "Each"),
        ('{"Id": true, "Name": null}', None, None),
        ('{"Id": 9223372036854775808}', None, None),
        ('{"Id": "7", "Name": 5}', 7, "5"),
    ],
)
def test_a_reference_without_a_whole_number_as_id_lands_as_it_came(
    tmp_path: Path, reference: str, identity: int | None, name: str | None
) -> None:
    text = json.dumps([item(1), item(2, UomRef="REFERENCE")])
    _, rows = landed(tmp_path, text.replace('"REFERENCE"', reference))
    assert rows[0]["UomRef"] is None
    assert rows[1]["UomRef"] == {"Id": identity, "Name": name}


def test_records_that_have_gone_are_left_out_of_a_decoded_page(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "feeds")
    _, rows = landed(tmp_path, json.dumps([item(1), item(2)]), missing=frozenset({1}))
    assert [row["Id"] for row in rows] == [2]
    assert "read by SQL" not in caplog.text
    landed(tmp_path, json.dumps([item(1, Name=None, BinRef={"Id": "7"})]))
    assert "read by SQL" in caplog.text


@pytest.mark.parametrize("change", [{}, {"IsActive": "yes"}, {"New": 1}])
@pytest.mark.parametrize("is_part", [True, False])
def test_a_reading_that_is_landed_early_gives_way_to_the_complete_list(
    tmp_path: Path, change: dict[str, Any], is_part: bool
) -> None:
    texts = [json.dumps([item(n)]) for n in (1, 2)]
    other = page(tmp_path / "read-0", texts[0], json.dumps([item(3, **change)]))
    whole = page(tmp_path / "read-1", *texts)
    first = whole.pages[:1] if is_part else other.pages
    table, rows = landed(tmp_path, *texts, first=first)
    assert [row["Id"] for row in rows] == [1, 2]
    assert (table.rows, table.unrecognised) == (2, {})


def test_an_empty_list_lands_as_an_empty_table(tmp_path: Path) -> None:
    table, rows = landed(tmp_path, "[]")
    assert (table.rows, rows, table.absent) == (0, [], ())


def test_the_same_pages_give_the_same_bytes(tmp_path: Path) -> None:
    text = json.dumps([item(n) for n in range(5000)])
    first, _ = landed(tmp_path, text)
    second, _ = landed(tmp_path, text)
    assert first.sha256 == second.sha256


def test_the_source_yaml_says_which_custom_fields_become_columns(root: Path) -> None:
    columns = custom_fields(root / "models", "ordertime", "part_items")
    assert columns["cf_part_type"] == "Part Type"
    with pytest.raises(Misuse, match="expected the table nothing"):
        custom_fields(root / "models", "ordertime", "nothing")
    with pytest.raises(Misuse, match=r"does not exist. Run from the project's root"):
        custom_fields(root / "none", "ordertime", "part_items")


# Each becomes the value of a field, or of a custom field, in one record of a page.
ODD_VALUES = [
    *("12.30", '"12.30"', "null", "true", "[]", "{}", '"a\\"b\\":c"', '"\\\\"'),
    *('"x : y"', '"\\u00fc\\u0000"', "-0", "-0.0", "1e3", '{"a":1,"b":[2]}'),
    *(
        '{"Id":7,"Name":null}',
        '{"Id":7}',
        '{"Name":"x"}',
        '{"Id":null}',
        '{"Id":"7","Name":5}',
    ),
    *('{"Id":7,"Name":"x","More":{"a":1}}', '[{"a":1,"a":2}]', '[{"a":{"b":1,"b":2}}]'),
    *('[{"Name":"ItemCust5","Caption":"Part Type","Value":null}]', "[null]", "[1]"),
    *('[{"Name":"Part Type","Value":"x"}]', '[{"Caption":"Part Type","Value":[1,2]}]'),
    '[{"Name":"a","Caption":"Part Type"},{"Name":"ItemCust5","Caption":"","Value":1}]',
]


def meaning(name: str, cell: Any) -> Any:
    """A landed cell, but JSON as the value that it stands for."""
    is_json = name in ("CustomFields", "_unrecognised", "Price")
    return json.loads(cell) if is_json and cell and cell[0] in '"[{' else cell


@pytest.mark.parametrize(
    ("field", "blank", "price", "others"),
    [
        *(("Price", "", 7.5, {}), ("ItemGroupRef", "", 7.5, {})),
        *(("Unknown", "", 7.5, {}), ("Value", "", 7.5, {})),
        *(("CustomFields", "", 7.5, {}), ("CustomFields", " ", 7.5, {})),
        *(("Value", "", "7.50", {}), ("CustomFields", "", "7.50", {})),
        # All records have the same fields as the page before.
        ("Price", "", "7.50", {"BinRef": None}),
        ("ItemGroupRef", "", "7.50", {"BinRef": None}),
        ("Unknown", "", "7.50", {"BinRef": None, "Unknown": None}),
        ("CustomFields", "", "7.50", {"BinRef": None}),
    ],
)
@pytest.mark.sample(2)
def test_a_page_lands_alike_whether_it_is_decoded_or_read_by_sql(
    tmp_path: Path, field: str, blank: str, price: object, others: dict[str, Any]
) -> None:
    def outcome(text: str, reference: object) -> object:
        by_sql = text.replace('"REFERENCE"', json.dumps({"Id": reference}))
        try:
            table, rows = landed(tmp_path, json.dumps([item(0, **others)]), by_sql)
        except Refused as error:
            return str(error)
        counts = (table.rows, table.unrecognised, table.absent, table.unmatched)
        cells = [[meaning(*cell) for cell in row.items()] for row in rows]
        return *counts, table.captions, cells

    for odd in ODD_VALUES:
        record = item(2, **others)
        (record if field != "Value" else record["CustomFields"][0])[field] = "ODD"
        page = [item(1, **others), record, item(3, **{**others, "BinRef": "REFERENCE"})]
        for each in (page[0], page[2]):
            each["CustomFields"][1]["Value"] = price
        text = json.dumps(page, separators=(f",{blank}", f"{blank}:{blank}"))
        text = text.replace('"ODD"', odd)
        # An Id that is text lands as a number, but the types do not fit.
        assert outcome(text, 7) == outcome(text, "7"), odd


@pytest.mark.parametrize(
    "slots",
    [
        [("a", "Part Type", "one"), ("b", "Part Type", "two")],
        [("a", "Part Type", None), ("ItemCust5", "", "two")],
        [("ItemCust5", "x", "by name"), ("b", "ItemCust5", "by caption")],
        [("ItemCust5", "x", "by name"), ("b", "ItemCust5", None)],
        [("a", "b", "c"), (None, "Part Type", "two")],
    ],
)
def test_custom_fields_in_one_order_land_alike_decoded_or_read_by_sql(
    tmp_path: Path, slots: list[tuple[str | None, ...]]
) -> None:
    fields = [
        dict(zip(("Name", "Caption", "Value"), slot, strict=True)) for slot in slots
    ]
    records = [item(n, CustomFields=None if n == 1 else fields) for n in (1, 2, 3)]
    text = json.dumps([*records, item(4, CustomFields=fields, BinRef={"Id": 7})])
    decoded = landed(tmp_path, text)
    by_sql = landed(tmp_path, text.replace('{"Id": 7}', '{"Id": "7"}'))
    assert decoded[0].captions == by_sql[0].captions
    for one, other in zip(decoded[1], by_sql[1], strict=True):
        assert [meaning(*cell) for cell in one.items()] == [
            meaning(*cell) for cell in other.items()
        ]
