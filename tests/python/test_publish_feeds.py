"""An exposure declares a file; every error in it is listed with its field."""

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from commands import ROOT
from conftest import Command
from sample_project import AUDIT, EXPOSURE, META, MODEL, TEST, manifest

from runtime.cadence import Cron
from runtime.environment import Environment
from runtime.exits import Misuse
from store import feeds
from store.feeds import artifacts, declaration, validate

AT = dt.datetime(2026, 1, 15, 7, 0, 5, tzinfo=dt.UTC)


def declared(**changes: Any) -> dict[str, Any]:
    """Return the sample's meta with some fields changed; None removes one."""
    meta = json.loads(json.dumps(META)) | changes
    return {name: value for name, value in meta.items() if value is not None}


def read(meta: dict[str, Any], **columns: str) -> feeds.Feed:
    project = manifest(meta)
    for column, type_ in columns.items():
        project["nodes"][MODEL]["columns"][column]["data_type"] = type_
    (feed,) = feeds.read(artifacts.Artifacts(project))
    return feed


def test_a_declaration_is_read_into_a_feed() -> None:
    feed = read(declared())
    assert (feed.name, feed.title) == ("onpart_inventory", "OnPart inventory")
    assert feed.model.sql == 'warehouse."main"."inventory_feed"'
    assert [column.name for column in feed.columns][:2] == [
        "supplier_code",
        "location_code",
    ]
    assert feed.columns[21].type == "decimal(18,2)"
    assert feed.dialect.line_end == "\n"
    name = feed.file_name(AT, "prod", None)
    assert name == "DEMO01_inventory_20260115T070005Z.csv"


def test_the_name_that_travels_is_a_name_too() -> None:
    encrypt = {**KEY_OF, "suffix": ".gpg"}
    feed = read(declared(file="a.csv", encrypt=encrypt))
    assert feed.travel.file(feed.file_name(AT, "prod", None)) == "a.csv.gpg"
    for file, suffix, words in (
        ("a" * 198, ".gpg", "at most 200 bytes"),
        ("gates", ".json", "cannot be the name"),
    ):
        feed = read(declared(file=file, encrypt={**KEY_OF, "suffix": suffix}))
        with pytest.raises(Misuse, match=words):
            feed.file_name(AT, "prod", None)


def test_versions_of_a_model_are_distinguished_by_alias() -> None:
    """The file of one version may depend on tests of another."""
    for order in (1, -1):
        project = manifest(declared(state="feed_v2", replaces_by=["supplier_sku"]))
        for version in (1, 2):
            node = json.loads(json.dumps(project["nodes"][MODEL]))
            node |= {"name": "feed", "alias": f"feed_v{version}"}
            project["nodes"][f"model.partner_feeds.feed.v{version}"] = node
        project["exposures"][EXPOSURE]["depends_on"]["nodes"] += [
            f"model.partner_feeds.feed.v{version}" for version in (1, 2)[::order]
        ]
        (feed,) = feeds.read(artifacts.Artifacts(project))
        assert feed.state.name == "feed_v2"


KEY = tuple(META["key"])
KEY_OF = {"key": "keys/a.asc", "fingerprint": "A" * 40}
UNIQUE = {"name": "unique_combination", "kwargs": {"columns": list(KEY)}}


def with_test(test: dict[str, Any] | None, **config: Any) -> dict[str, Any]:
    project = manifest(declared())
    project["nodes"][TEST] |= {"test_metadata": test, "config": config}
    return project


def primary_key(project: dict[str, Any]) -> tuple[str, ...]:
    (feed,) = feeds.read(artifacts.Artifacts(project))
    return feed.primary_key


@pytest.mark.parametrize(
    ("test", "config", "promised"),
    [
        (UNIQUE, {"severity": "ERROR", "error_if": "!= 0", "where": None}, True),
        ({"name": "unique", "kwargs": {"column_name": KEY[-1]}}, {}, True),
        (None, {}, False),
        (UNIQUE, {"severity": "warn"}, False),
        (UNIQUE, {"error_if": "> 10"}, False),
        (UNIQUE, {"where": "qty_on_hand > 0"}, False),
        ({**UNIQUE, "kwargs": {"columns": [*KEY, "brand"]}}, {}, False),
        ({"name": "unique", "kwargs": {"column_name": "brand"}}, {}, False),
        ({**UNIQUE, "name": "not_null", "kwargs": {"column_name": "brand"}}, {}, False),
    ],
)
def test_a_key_is_primary_if_a_test_forbids_two_rows_with_the_same_key(
    test: dict[str, Any] | None, config: dict[str, Any], promised: bool
) -> None:
    assert primary_key(with_test(test, **config)) == (KEY if promised else ())


def test_a_test_of_another_model_promises_nothing() -> None:
    project = with_test(UNIQUE)
    project["nodes"][TEST]["attached_node"] = AUDIT
    assert primary_key(project) == ()


def test_a_constraint_promises_as_much_as_a_test() -> None:
    project = with_test(None)
    project["nodes"][MODEL]["constraints"] = [
        {"type": "primary_key", "columns": list(KEY)}
    ]
    assert primary_key(project) == KEY


def test_no_part_of_a_primary_key_may_be_missing() -> None:
    project = with_test(UNIQUE)
    del project["nodes"][MODEL]["columns"][KEY[0]]["constraints"]
    assert primary_key(project) == ()
    project["nodes"][f"{TEST}.present"] = {
        **project["nodes"][TEST],
        "test_metadata": {"name": "not_null", "kwargs": {"column_name": KEY[0]}},
    }
    assert primary_key(project) == KEY


def test_the_split_column_is_no_part_of_the_primary_key_of_a_file() -> None:
    project = with_test({**UNIQUE, "kwargs": {"columns": [*KEY[1:], "part_type"]}})
    assert primary_key(project) == ()
    split = {"file": "{split}.csv", "split_by": "part_type", "omit": ["part_type"]}
    project["exposures"][EXPOSURE]["config"]["meta"] = declared(**split, changes=None)
    assert primary_key(project) == KEY


def test_every_placeholder_is_filled() -> None:
    feed = read(declared(file="{environment}_{date}_{split}.csv", split_by="part_type"))
    assert feed.file_name(AT, "uat", "OEM") == "uat_2026-01-15_OEM.csv"


@pytest.mark.parametrize("split", ["../x", "a/b", "a\nb", "x" * 250])
def test_a_split_value_cannot_leave_the_folder(split: str) -> None:
    feed = read(declared(file="{split}.csv", split_by="part_type"))
    with pytest.raises(Misuse, match="cannot be a file name"):
        feed.file_name(AT, "dev", split)


def test_an_exposure_without_our_fields_is_skipped() -> None:
    project = manifest({"owner_team": "sales"})
    assert feeds.read(artifacts.Artifacts(project)) == ()


LATIN_1 = {**META["dialect"], "encoding": "iso-8859-1"}
FIXED = {
    "format": "fixed", "encoding": "iso-8859-1", "newline": "lf",
    "line_breaks": "blank", "timestamp_format": "%Y%m%d", "date_format": "%Y%m%d",
}  # fmt: skip
BRAND = {"column": "brand", "code": "BRAND_CHANGED"}
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"model": None}, "model", "expected a value"),
    ({"colour": "red"}, "colour", "no such field"),
    ({"when_emty": "send"}, "when_emty", "no such field; perhaps when_empty"),
    ({"when_empty": "maybe"}, "when_empty", 'one of "refuse", "skip", "send"'),
    ({"cadence": "daily"}, "cadence", "five cron fields"),
    ({"cadence": "0 25 * * *"}, "cadence", "Bad hour"),
    ({"time_zone": "Berlin"}, "cadence", "expected a time_zone such as"),
    ({"time_zone": 1}, "time_zone", "expected text"),
    ({"cadence": "0 0 31 2 *"}, "cadence", "Bad day-of-month"),
    ({"guards": {"max_rows_lost": 30}}, "guards.max_rows_lost", "such as 0.3 for 30 %"),
    ({"guards": {"min_rows": "one"}}, "guards.min_rows", "a whole number, found one"),
    (
        {"guards": {"max_rows_lost": "1"}},
        "guards.max_rows_lost",
        "a number, or share and least, found 1",
    ),
    (
        {"guards": {"max_rows_lost": {"least": 1}}},
        "guards.max_rows_lost.share",
        "a val",
    ),
    (
        {"split_by": "brand", "file": "{split}.csv"},
        "guards.max_review_share",
        "the column brand in inventory_audit",
    ),
    (
        {"guards": {"max_unassigned": {"reasons": ["X"], "share": 0.1}}},
        "guards.max_unassigned",
        "the field split_by beside it",
    ),
    ({"guards": {"max_loss": 1}}, "guards.max_loss", "no such field"),
    ({"guards": {"max_age": {"hours": 1}}}, "guards.max_age.column", "a value"),
    ({"guards": {"values_stay": ["a b"]}}, "guards.values_stay[0]", "name of letters"),
    ({"guards": {"values_stay": ["nope"]}}, "guards.values_stay", "found nope"),
    ({"guards": {"max_age": {"column": "x", "hours": 1}}}, "guards.max_age", "x"),
    ({"sort": ["supplier_sku"]}, "sort", "expected every key column"),
    ({"sort": "supplier_sku"}, "sort", "expected a list"),
    ({"sort": ["supplier_sku"] * 2}, "sort", "each name once"),
    ({"key": ["sku"]}, "key", "a column of inventory_feed, found sku"),
    (
        {"model": "inventory"},
        "model",
        "a model it depends on, perhaps inventory_feed",
    ),
    ({"file": "a/{timestamp}.csv"}, "file", "a file name without"),
    ({"file": "{time}.csv"}, "file", "a file name without"),
    ({"file": "{split}.csv"}, "file", "exactly where split_by is"),
    ({"rename": "delete-then-rename"}, "rename", 'one of "replace", found del'),
    ({"folder": "/a/../../b"}, "folder", "a path that begins"),
    ({"folder": "/.."}, "folder", "a path that begins"),
    ({"audit": None}, "guards.max_review_share", "the field audit beside it"),
    ({"audit": None, "audit_omit": ["status"]}, "audit_omit", "the field audit"),
    ({"audit_omit": ["nope"]}, "audit_omit", "a column of inventory_audit"),
    ({"audit_omit": ["status"]}, "audit_omit", "no key, status or reason"),
    ({"audit_omit": ["supplier_sku"]}, "audit_omit", "no key, status or reason"),
    ({"confirm": []}, "confirm", "at least one"),
    ({"confirm": {"column": "brand", "code": "X"}}, "confirm", "a list"),
    ({"confirm": ["brand"]}, "confirm[0]", "fields"),
    ({"confirm": [{"column": "brand"}]}, "confirm.code", "expected a value"),
    ({"confirm": [{**BRAND, "why": "x"}]}, "confirm.why", "no such field"),
    ({"confirm": [{**BRAND, "code": "no"}]}, "confirm.code", "such as PRICE_JUMP"),
    ({"confirm": [{**BRAND, "column": "nope"}]}, "confirm.column", "a column of inv"),
    ({"confirm": [BRAND, BRAND]}, "confirm", "each column once"),
    ({"confirm": [BRAND]}, "confirm", "the column brand in inventory_audit"),
    ({"confirm": [BRAND], "audit": None}, "confirm", "the field audit beside it"),
    ({"vanished": {"restate": {"share": 0.1}}}, "vanished", "the field replaces_by"),
    ({"dialect": {**META["dialect"], "escape": "\\"}}, "dialect.quoting", '"all"'),
    ({"dialect": {**META["dialect"], "quote": '""'}}, "dialect.quote", "one quote"),
    ({"dialect": {**META["dialect"], "newline": "\n"}}, "dialect.newline", '"lf"'),
    (
        {"dialect": {**META["dialect"], "encoding": "latin1"}},
        "dialect.encoding",
        'one of "utf-8"',
    ),
    (
        {"dialect": {**META["dialect"], "unencodable": "replace"}},
        "dialect.unencodable",
        "none, as utf-8 has all",
    ),
    (
        {"dialect": {**LATIN_1, "byte_order_mark": True}},
        "dialect.byte_order_mark",
        "false with iso-8859-1",
    ),
    (
        {"dialect": {**LATIN_1, "null_text": "\u2013"}},
        "dialect.null_text",
        "characters of",
    ),
    ({"columns": {"gone": {"header": "X"}}}, "columns.gone", "that is written"),
    ({"columns": {"brand": {"head": "X"}}}, "columns.brand.head", "perhaps header"),
    ({"columns": {"brand": "X"}}, "columns.brand", "expected fields, found X"),
    ({"columns": {"brand": {"header": "gtin"}}}, "columns", 'once, found ["gtin"]'),
    ({"columns": {"brand": {"places": 2}}}, "columns.brand.places", "numbers"),
    (
        {"columns": {"sell_price": {"places": 1}}},
        "columns.sell_price.places",
        "at least 2, as decimal(18,2) has them; round in the model",
    ),
    (
        {"columns": {"sell_price": {"group_char": "."}}},
        "columns.sell_price.group_char",
        "another mark than decimal_char",
    ),
    (
        {"columns": {"sell_price": {"format": "%d"}}},
        "columns.sell_price.format",
        "a column of dates, times or booleans",
    ),
    (
        {"columns": {"brand": {"header": "\u2013"}}, "dialect": LATIN_1},
        "columns.brand.header",
        "characters of iso-8859-1",
    ),
    (
        {"dialect": {**META["dialect"], "trailer_records": ["T{rows:09}"]}},
        "dialect.trailer_records",
        "with a width such as {rows:0>9}, found {rows:09}",
    ),
    (
        {"dialect": {**META["dialect"], "trailer_records": ["T{sum(gone)}"]}},
        "dialect.trailer_records",
        "a column that is written, found gone",
    ),
    (
        {"dialect": {**META["dialect"], "header_records": ["H{sum(brand)}"]}},
        "dialect.header_records",
        "numbers in brand",
    ),
    (
        {"dialect": {**META["dialect"], "header_records": ["H{split}"]}},
        "dialect.header_records",
        "the field split_by beside {split}",
    ),
    (
        {"dialect": {**META["dialect"], "header_records": ["H{"]}},
        "dialect.header_records",
        "found {",
    ),
    ({"dialect": {**FIXED, "quote": "'"}}, "dialect.quote", "no such field with"),
    ({"dialect": {**FIXED, "header": True}}, "dialect.header", "no such field with"),
    (
        {"dialect": {**FIXED, "line_breaks": "lf"}},
        "dialect.line_breaks",
        '"blank" with format fixed, found lf',
    ),
    ({"dialect": FIXED}, "columns.brand.width", "as dialect.format is fixed"),
    (
        {
            "dialect": FIXED,
            "columns": {"supplier_code": {"width": 7}, "location_code": {"start": 3}},
        },
        "columns.location_code.start",
        "at least 8, where the column before it ends",
    ),
    (
        {"dialect": FIXED, "columns": {"brand": {"width": 3, "pad": "0"}}},
        "columns.brand.pad",
        "a blank with align: left",
    ),
    (
        {"columns": {"brand": {"width": 3}}},
        "columns.brand.width",
        "dialect.format: fixed beside it",
    ),
    (
        {"dialect": {**FIXED, "format": "jsonl"}},
        "dialect.encoding",
        "utf-8 with format jsonl",
    ),
    (
        {"dialect": {**FIXED, "format": "jsonl", "trailer_records": ["T"]}},
        "dialect.trailer_records",
        "no such field with format jsonl",
    ),
    ({"destination": "On Part"}, "destination", "small letters"),
    ({"pickup": {"removes": True, "within_hours": 0}}, "pickup.within", "above 0"),
    ({"encrypt": {"key": "a.asc"}}, "encrypt.fingerprint", "expected a value"),
    ({"encrypt": {**KEY_OF, "fingerprint": "AB"}}, "encrypt.finger", "40 hex"),
    ({"encrypt": {**KEY_OF, "key": "../a.asc"}}, "encrypt.key", "below the folder of"),
    ({"encrypt": {**KEY_OF, "key": "/a.asc"}}, "encrypt.key", "below the folder of"),
    ({"encrypt": {**KEY_OF, "suffix": "pgp"}}, "encrypt.suffix", "such as .gpg"),
    ({"compress": "zip"}, "compress", "expected fields, found zip"),
    ({"compress": {"format": "bz2"}}, "compress.format", 'one of "gzip", "zip"'),
    (
        {"file": "a.txt", "compress": {"format": "zip", "replaces": ".csv"}},
        "compress.replaces",
        "the ending of a.txt, found .csv",
    ),
    (
        {"file": "a.gz", "compress": {"format": "gzip", "replaces": ".gz"}},
        "compress.replaces",
        "another ending than suffix",
    ),
    ({"file": "a_{sequence:06}.csv"}, "file", "a file name without"),
    ({"sequence_from": 5}, "sequence_from", "{sequence} in the field file"),
    (
        {"dialect": {**META["dialect"], "header_records": ["H{sequence:0>4}"]}},
        "dialect.header_records",
        "{sequence} in the field file as well",
    ),
    ({"workbook": {"sheet": "a/b"}}, "workbook.sheet", "at most 31 characters"),
    ({"workbook": {}, "compress": {"format": "zip"}}, "workbook", "no compress"),
    (
        {"workbook": {}, "dialect": {**META["dialect"], "trailer_records": ["T"]}},
        "workbook",
        "no dialect.trailer_records beside it",
    ),
    (
        {"workbook": {}, "dialect": {**META["dialect"], "null_text": "N"}},
        "workbook",
        'dialect.null_text "" beside it, found N',
    ),
    ({"marker": {"content": "crc"}}, "marker.content", 'one of "sha256", "md5"'),
    (
        {"file": "a.csv", "marker": {"content": "empty", "replaces": ".gz"}},
        "marker.replaces",
        "the ending of a.csv, found .gz",
    ),
    (
        {"file": "a.done", "marker": {"content": "empty", "replaces": ".done"}},
        "marker",
        "another name than that of the file",
    ),
]


@pytest.mark.parametrize(("changes", "field", "words"), WRONG)
def test_a_wrong_declaration_names_exposure_field_expected_and_found(
    changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(Misuse) as caught:
        read(declared(**changes))
    lines = str(caught.value).splitlines()
    start = f"exposure onpart_inventory, field {field}"
    assert any(line.startswith(start) and words in line for line in lines), lines
    assert "regex" not in str(caught.value)


@pytest.mark.parametrize("type_", ["double", "float", "varchar[]", ""])
def test_a_column_needs_a_type_with_one_text_form(type_: str) -> None:
    with pytest.raises(Misuse, match="column list_price: expected a data_type"):
        read(declared(), list_price=type_)


def test_one_model_is_the_state_of_one_partner() -> None:
    project = manifest(declared())
    second = json.loads(json.dumps(project["exposures"][EXPOSURE]))
    second["name"] = "second"
    second["config"]["meta"]["destination"] = "elsewhere"
    project["exposures"]["exposure.partner_feeds.second"] = second
    with pytest.raises(Misuse, match="a model that one partner has"):
        feeds.read(artifacts.Artifacts(project))


def two(first: dict[str, Any], second: dict[str, Any]) -> feeds.Declared:
    """Declare two files of models that only they have."""
    project = manifest(declared(**first))
    other = json.loads(json.dumps(project["exposures"][EXPOSURE]))
    other |= {"name": "second", "config": {"meta": declared(**second)}}
    project["exposures"]["exposure.partner_feeds.second"] = other
    return feeds.declared(artifacts.Artifacts(project))


GZIP = {"format": "gzip"}
ZIPPED = {"format": "zip", "replaces": ".csv"}
SPLIT = {"split_by": "location_code", "guards": {"min_rows": 1}}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"file": "a.csv"}, {"file": "a.csv"}),
        ({"file": "a.csv"}, {"file": "A.CSV"}),
        ({"file": "a.csv", "folder": "/x"}, {"file": "a.csv", "folder": "//x/"}),
        (
            {"file": "a.csv", "folder": "/uat"},
            {"file": "a.csv", "folder": "/{environment}"},
        ),
        ({"file": "a_{timestamp}.csv"}, {"file": "a_20260115T060000Z.csv"}),
        ({"file": "a_{date}.csv"}, {"file": "a_{split}.csv", **SPLIT}),
        ({"file": "{split}_b.csv", **SPLIT}, {"file": "a_{split}.csv", **SPLIT}),
        ({"file": "a_{sequence:0>4}.csv"}, {"file": "a_0815.csv"}),
        ({"file": "a_{sequence}.csv"}, {"file": "a_{split}.csv", **SPLIT}),
        ({"file": "a.csv"}, {"file": "a"}),  # the manifest of both
        ({"file": "a.csv"}, {"file": "a.manifest.json", "manifest": "keep"}),
        ({"file": "a.csv", "encrypt": KEY_OF}, {"file": "a.csv.pgp"}),
        (
            {"file": "a.csv", "compress": ZIPPED},
            {"file": "a.txt", "compress": {"format": "zip", "replaces": ".txt"}},
        ),
        (
            {"file": "a.csv", "compress": GZIP, "encrypt": KEY_OF},
            {"file": "a.csv.gz.pgp"},
        ),
        (
            {"file": "a.csv", "compress": GZIP, "marker": {"content": "md5"}},
            {"file": "a.csv.gz.md5"},
        ),
    ],
)
def test_two_files_of_one_name_are_refused(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    project = two(first, second)
    assert project.feeds == ()
    assert set(project.errors) == {"onpart_inventory", "second"}
    message = str(project.refusal("second"))
    assert (
        "field file: expected names that no file of the exposure onpart_inv" in message
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"file": "a.csv"}, {"file": "b.csv"}),
        ({"file": "a.csv", "encrypt": KEY_OF}, {"file": "a.csv"}),
        ({"file": "a.csv", "compress": ZIPPED, "manifest": "keep"}, {"file": "a.csv"}),
        ({"file": "a.csv"}, {"file": "a.csv", "folder": "/other"}),
        ({"file": "a.csv"}, {"file": "a", "manifest": "keep"}),
        ({"file": "a_{date}.csv"}, {"file": "a_{timestamp}.csv"}),
        ({"file": "a_{sequence}.csv"}, {"file": "a_full.csv"}),
        ({"file": "a_{sequence}.csv"}, {"file": "a_{timestamp}.csv"}),
        ({"file": "a_{split}.csv", **SPLIT}, {"file": "a.csv"}),
        ({"file": "{date}_{split}_full.csv", **SPLIT},
         {"file": "{date}_{split}_delta.csv", **SPLIT}),
        ({"file": "a.csv", "folder": "/{environment}"}, {"file": "a.csv"}),
    ],
)  # fmt: skip
def test_files_of_other_names_are_not(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    project = two(first, second)
    assert (len(project.feeds), project.errors) == (2, {})


def test_one_wrong_exposure_leaves_the_others() -> None:
    project = two({}, {"cadence": "daily"})
    assert [feed.name for feed in project.feeds] == ["onpart_inventory"]
    assert list(project.errors) == ["second"]
    assert "exposure second, field cadence" in str(project.refusal())


def test_every_error_of_every_exposure_is_listed_at_once() -> None:
    wrong = declared(colour="red", model=None, cadence="daily", destination="On Part")
    wrong["guards"] |= {"max_rows_lost": 30, "min_row": 1, "values_stay": ["a", "a"]}
    wrong["dialect"] = {**META["dialect"], "newline": "\n", "header": "yes"}
    project = manifest(wrong)
    second = json.loads(json.dumps(project["exposures"][EXPOSURE]))
    second |= {"name": "second", "config": {"meta": declared(sort=["a"], omit=["b"])}}
    project["exposures"]["exposure.partner_feeds.second"] = second
    with pytest.raises(Misuse) as caught:
        feeds.read(artifacts.Artifacts(project))
    *lines, advice = str(caught.value).splitlines()
    fields = [re.match(r"exposure (\w+), field ([\w.]+):", line) for line in lines]
    assert sorted(match.groups() for match in fields if match) == [
        ("onpart_inventory", field)
        for field in (
            "cadence", "colour", "destination", "dialect.header", "dialect.newline",
            "guards.max_rows_lost", "guards.min_row", "guards.values_stay", "model",
        )
    ] + [("second", field) for field in ("omit", "sort")]  # fmt: skip
    assert "min_row: there is no such field; perhaps min_rows." in "".join(lines)
    assert "publish lint" in advice


def test_the_schema_for_editors_explains_every_field() -> None:
    schema = declaration.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for name, type_ in schema["$defs"].items():
        assert type_["additionalProperties"] is False, name
        for field, described in type_["properties"].items():
            assert described.get("description"), (name, field)


def test_the_schema_for_editors_refuses_what_publish_refuses() -> None:
    editor = jsonschema.Draft202012Validator(declaration.schema())
    assert editor.is_valid(declared())
    for changes, field, _ in WRONG:
        meta = declared(**changes)
        wrong = any(validate.shape_errors(meta)) and field != "cadence"
        assert editor.is_valid(meta) != wrong, field


@pytest.mark.parametrize("name", ["_marts__exposures.yml", "_orders__exposures.yml"])
def test_an_editor_finds_no_error_in_our_exposures_and_a_misspelt_field(
    name: str,
) -> None:
    """The first line names the schema, as the YAML language server reads it."""
    path = ROOT / "models/marts" / name
    first = path.read_text().partition("\n")[0]
    schema = path.parent / first.removeprefix("# yaml-language-server: $schema=")
    editor = jsonschema.Draft202012Validator(json.loads(schema.read_text()))
    exposures = yaml.safe_load(path.read_text())
    assert editor.is_valid(exposures)
    meta = exposures["exposures"][0]["config"]["meta"]
    meta["cadance"] = meta["dialect"]["delimeter"] = ";"
    messages = " ".join(each.message for each in editor.iter_errors(exposures))
    assert "'cadance' was unexpected" in messages
    assert "'delimeter' was unexpected" in messages


def test_the_project_declares_its_feeds_without_an_error(
    command: Command, tmp_path: Path
) -> None:
    parsed = command(
        *("dbt", "--quiet", "parse"),
        env={"DBT_TARGET_PATH": tmp_path, "DBT_LOG_PATH": tmp_path},
    )
    assert parsed.returncode == 0, parsed.stdout
    declared = json.loads((tmp_path / "manifest.json").read_bytes())
    names = [feed.name for feed in feeds.read(artifacts.Artifacts(declared))]
    assert names == [
        "onpart_inventory", "order_feed_delta_file", "order_feed_full_file",
    ]  # fmt: skip


def test_missing_artifacts_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(
        Misuse, match=r"manifest\.json, found no such file\. Run `dbt build`"
    ):
        artifacts.read(tmp_path, Environment({}))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "manifest.json").write_text("{")
    with pytest.raises(Misuse, match="expected JSON in"):
        artifacts.read(tmp_path, Environment({"DBT_TARGET_PATH": "mine"}))


def test_ancestors_are_all_nodes_below() -> None:
    sample = artifacts.Artifacts(manifest(declared()))
    names = {name.rsplit(".", 1)[-1] for name in sample.ancestors(EXPOSURE)}
    assert names == {
        "inventory_feed", "inventory_audit", "stg_ordertime__part_items", "part_types",
        "part_items",
    }  # fmt: skip
    assert AUDIT in sample.ancestors(EXPOSURE)


@pytest.mark.parametrize(
    ("cron", "at", "due"),
    [
        ("0 6 * * *", "2026-01-15T07:00", "2026-01-15T06:00"),
        ("0 6 * * *", "2026-01-15T06:00", "2026-01-15T06:00"),
        ("0 6 * * *", "2026-01-15T05:59", "2026-01-14T06:00"),
        ("*/15 * * * *", "2026-01-15T07:44", "2026-01-15T07:30"),
        ("0 2 * * 1-5", "2026-01-18T12:00", "2026-01-16T02:00"),  # Sunday: Friday
        ("0 2 * * 7", "2026-01-15T12:00", "2026-01-11T02:00"),  # 7 is Sunday
        ("30 4 1,15 * *", "2026-01-14T00:00", "2026-01-01T04:30"),
        ("0 0 13 * 5", "2026-01-15T00:00", "2026-01-13T00:00"),  # either day is enough
        ("0 0 29 2 *", "2026-01-15T00:00", "2024-02-29T00:00"),
        ("5/20 8-10 * * *", "2026-01-15T09:24", "2026-01-15T09:05"),
        ("0 8 * * MON", "2026-01-15T00:00", "2026-01-12T08:00"),
        # A field that begins with `*` restricts together with the other one.
        ("0 6 */12 * 1", "2026-01-15T00:00", "2025-12-01T06:00"),
    ],
)
def test_the_last_due_time_is_what_crontab_means(cron: str, at: str, due: str) -> None:
    at_utc = dt.datetime.fromisoformat(f"{at}Z")
    last = Cron.parse(cron, "here").last_due(at_utc)
    assert last == dt.datetime.fromisoformat(f"{due}Z")


@pytest.mark.parametrize(
    ("cron", "at", "due"),
    [
        # Clocks go forward on 29 March 2026 at 01:00 UTC, back on 25 October.
        ("0 8 * * *", "2026-03-28T12:00", "2026-03-28T07:00"),
        ("0 8 * * *", "2026-03-29T12:00", "2026-03-29T06:00"),
        ("0 8 * * *", "2026-03-29T05:59", "2026-03-28T07:00"),
        ("30 2 * * *", "2026-03-29T12:00", "2026-03-29T01:00"),  # skipped: at 3
        ("30 2 * * *", "2026-10-25T12:00", "2026-10-25T00:30"),  # once, not at 01:30
        ("0 8 * * MON", "2026-10-26T06:59", "2026-10-19T06:00"),
        ("0 8 * * MON", "2026-10-26T07:00", "2026-10-26T07:00"),
    ],
)
def test_a_cadence_in_a_time_zone_follows_its_clocks(
    cron: str, at: str, due: str
) -> None:
    at_utc = dt.datetime.fromisoformat(f"{at}Z")
    last = Cron.parse(cron, "here", "Europe/Berlin").last_due(at_utc)
    assert last == dt.datetime.fromisoformat(f"{due}Z")
    assert f"{last:%H:%M %Z}" == f"{due[-5:]} UTC"


@pytest.mark.parametrize("zone", ["Europe/Berln", "", "../UTC", "/etc/passwd", "a\0b"])
def test_a_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(Misuse, match=r"^here: expected a time_zone such as"):
        Cron.parse("0 8 * * *", "here", zone)


@pytest.mark.parametrize(
    "text",
    [
        *("", "* * * *", "a * * * *", "60 * * * *", "5-1 * * * *", "*/0 * * * *"),
        *("1- * * * *", "0 0 0 * *", "0 0 30 2 *", "* * * * * *"),
    ],
)
def test_a_wrong_cadence_is_refused(text: str) -> None:
    with pytest.raises(Misuse, match=r"^here"):
        Cron.parse(text, "here")
