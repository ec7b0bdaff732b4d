"""A person confirms values that wait; the wrong, the unknown and the old are refused.

The warehouse is made here, without dbt. tests/python/test_decisions_agree.py has
nights of real builds.
"""

import csv
import json
import warnings
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sample_project import AUDIT, EXPOSURE, SampleProject

from store import confirmations
from store.ledger import Ledger

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import great_expectations  # noqa: F401

KEY = ("supplier_code", "location_code", "supplier_sku")
AUDITED = (*KEY, "part_type", "sell_price", "last_sell_price", "last_part_type")
AUDITED += ("last_delivered_at", "status", "reason_code", "reason_codes")
CONFIRM = [
    {"column": "sell_price", "code": "PRICE_JUMP"},
    {"column": "part_type", "code": "TYPE_CHANGED"},
]
# location, SKU, type, price, codes: what the last build decided.
ROWS = [
    ("MAIN", "A", "AM", "1.00", "PRICE_JUMP"),
    ("EAST", "A", "AM", "1.00", "QTY_FRACTION|PRICE_JUMP"),
    ("MAIN", "B", "AM", "5.00", "TYPE_CHANGED|PRICE_JUMP"),
    ("MAIN", "C", "AM", "7.00", "OK_AM"),
    ("MAIN", "q\"u,o'te= é", "AM", "9.00", "PRICE_JUMP"),
]


def write_audit(project: SampleProject, rows: list[tuple[str, ...]]) -> None:
    """Write what the last build decided."""
    with duckdb.connect(str(project.data / "warehouse.duckdb")) as warehouse:
        columns = ", ".join(f"{name} varchar" for name in AUDITED)
        warehouse.execute(f"create or replace table inventory_audit ({columns})")
        for location, sku, kind, price, codes in rows:
            warehouse.execute(
                "insert into inventory_audit by name select 'DEMO01' as supplier_code, "
                "? as location_code, ? as supplier_sku, ? as part_type, "
                "? as sell_price, '100.00' as last_sell_price, "
                "'2026-01-14 07:00:00' as last_delivered_at, 'REVIEW' as status, "
                "? as reason_codes",
                [location, sku, kind, price, codes],
            )
        warehouse.execute("comment on table inventory_audit is 'inv-1'")


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    """A project whose last build left values in review."""
    sample = SampleProject(tmp_path)
    sample.meta["confirm"] = CONFIRM
    sample.meta["guards"].pop("max_review_share")
    sample.quick()
    columns = {name: {"name": name, "data_type": "varchar"} for name in AUDITED}

    def know(manifest: dict[str, Any]) -> None:
        manifest["nodes"][AUDIT]["columns"] = columns

    sample.edit("target/manifest.json", know)
    write_audit(sample, ROWS)
    return sample


def confirm(project: SampleProject, *words: object, **more: object) -> dict[str, Any]:
    """Run `publish confirm` with a reason."""
    words = ("confirm", "onpart_inventory", *words, "--because", "the maker lowered it")
    return project.run_json("publish", *words, FEEDS_OPERATOR="ann", **more)


def one(*key: str, column: str = "sell_price", value: str = "1.00") -> list[str]:
    """Return the options for one value."""
    words = [word for each in key for word in ("--key", each)]
    return [*words, "--column", column, "--value", value]


def counting(project: SampleProject) -> list[tuple[str, ...]]:
    """Return what dbt will read."""
    known = confirmations.counting(Ledger.read(project.ledger_file))
    (*_, last) = project.records("confirmed", "voided")
    path = project.data / f"delivered/confirmations/{last['state']['sha256']}.parquet"
    stored = duckdb.execute(
        "select key, column_name, value, confirmed_by, feed from read_parquet(?) "
        "order by all", [str(path)],
    ).fetchall()  # fmt: skip
    assert len(stored) == len(known)
    assert {row[3:] for row in stored} <= {("ann", "onpart_inventory")}
    return [
        (json.loads(key)["location_code"], json.loads(key)["supplier_sku"], *row)
        for key, *row, _, _ in stored
    ]


def test_a_value_that_waits_is_confirmed_and_recorded(project: SampleProject) -> None:
    words = one("location_code=MAIN", "supplier_sku=A", value="1")
    dry = confirm(project, *words, "--dry-run")
    assert dry["dry_run"] is True
    assert not project.ledger_file.exists()

    result = confirm(project, *words)
    key = {"supplier_code": "DEMO01", "location_code": "MAIN", "supplier_sku": "A"}
    entry = {"key": key, "column": "sell_price", "value": "1.00"}
    assert result["entries"] == dry["entries"] == [entry]
    (record,) = project.records("confirmed")
    assert record["entries"] == [entry]
    assert (record["feed"], record["by"]) == ("onpart_inventory", "ann")
    assert record["because"] == "the maker lowered it"
    assert record["state"]["model"] == "confirmations"
    assert counting(project) == [("MAIN", "A", "sell_price", "1.00")]


def test_a_key_is_given_in_order_or_in_part(project: SampleProject) -> None:
    odd = ROWS[-1][1]
    confirm(project, *one("DEMO01", "MAIN", odd, value="9.00"))
    # At both places: the location is not given.
    confirm(project, *one("supplier_sku=A"))
    confirm(project, *one("supplier_sku=B", column="part_type", value="AM"))
    assert sorted(counting(project)) == [
        ("EAST", "A", "sell_price", "1.00"),
        ("MAIN", "A", "sell_price", "1.00"),
        ("MAIN", "B", "part_type", "AM"),
        ("MAIN", odd, "sell_price", "9.00"),
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (one("supplier_sku=X"), "row of the last build with supplier_sku 'X', found"),
        (one("supplier_sku=C", value="7.00"), "gives it no PRICE_JUMP"),
        (one("supplier_sku=A", column="part_type", value="AM"), "no TYPE_CHANGED"),
        (one("supplier_sku=A", value="2.00"), "supplier_sku 'A', 1.00, found '2.00'"),
        (one("supplier_sku=A", value="x"), "expected a value of sell_price, found 'x'"),
        (one("supplier_sku=A", column="brand"), "sell_price, part_type, found 'brand'"),
    ],
)
@pytest.mark.sample(3)
def test_what_does_not_wait_is_refused(
    project: SampleProject, words: list[str], message: str
) -> None:
    result = confirm(project, *words)
    assert result["exit_code"] == 1
    assert message in result["message"]
    assert not project.ledger_file.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (one("sku=A"), "expected --key supplier_code=VALUE --key location_code"),
        (one("MAIN", "A"), "found MAIN A"),
        (one("supplier_sku=A", "EAST"), "found supplier_sku=A EAST"),
        (["--key", "supplier_sku=A"], "--key, --column and --value together, or"),
        (["--column", "sell_price", "--value", "1"], "--column and --value together"),
        (["--list", *one("supplier_sku=A")], "or --from, or --list"),
    ],
)
@pytest.mark.sample(3)
def test_misuse_is_named(
    project: SampleProject, words: list[str], message: str
) -> None:
    result = confirm(project, *words)
    assert (result["exit_code"], message in result["message"]) == (2, True), result


def test_a_reason_and_a_file_that_declares_it_are_needed(
    project: SampleProject,
) -> None:
    words = ("publish", "confirm", "onpart_inventory", *one("supplier_sku=A"))
    for more in ((), ("--because", " ")):
        result = project.run_json(*words, *more)
        assert result["exit_code"] == 2
        assert "--because: expected a reason" in result["message"]
    more = (*one("supplier_sku=A"), "--because", "x")
    result = project.run_json(*words[:2], "inventory", *more)
    assert "feeds onpart_inventory; found 'inventory'" in result["message"]

    def forbid(manifest: dict[str, Any]) -> None:
        del manifest["exposures"][EXPOSURE]["config"]["meta"]["confirm"]

    project.edit("target/manifest.json", forbid)
    result = confirm(project, *one("supplier_sku=A"))
    assert result["exit_code"] == 2
    assert "the field `confirm`; found onpart_inventory" in result["message"]


def listed(project: SampleProject) -> str:
    """Return what `--list` prints."""
    done = project.run("publish", "confirm", "onpart_inventory", "--list")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_waits_is_listed_and_confirmed_from_the_list(
    project: SampleProject, tmp_path: Path
) -> None:
    text = listed(project)
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 5
    assert rows[0] == {
        **{"supplier_code": "DEMO01", "location_code": "EAST", "supplier_sku": "A"},
        **{"column": "sell_price", "value": "1.00", "last_value": "100.00"},
        "last_delivered_at": "2026-01-14 07:00:00",
    }
    file = tmp_path / "right.csv"
    file.write_text(text, "utf-8-sig")
    result = confirm(project, "--from", file)
    assert len(result["entries"]) == len(counting(project)) == 5
    (record,) = project.records("confirmed")
    assert len(record["entries"]) == 5


def test_a_file_with_wrong_lines_confirms_nothing_and_names_each(
    project: SampleProject, tmp_path: Path
) -> None:
    file = tmp_path / "wrong.csv"
    lines = ["A,sell_price,1.00", "X,sell_price,1", '"B",part_type,OEM', "A,brand,Q"]
    file.write_text("\n".join(["supplier_sku,column,value", *lines]))
    result = confirm(project, "--from", file)
    assert result["exit_code"] == 1
    sentences = result["message"].split(". ")
    assert [each.partition(":")[0] for each in sentences[:3]] == [
        *("line 3", "line 4", "line 5"),
    ]
    assert "'X'" in sentences[0]
    assert "AM, found 'OEM'" in sentences[1]
    assert result["message"].endswith("Nothing was confirmed.")
    assert not project.ledger_file.exists()
    many = [f"X{number},sell_price,1" for number in range(30)]
    file.write_text("\n".join(["supplier_sku,column,value", *many]))
    assert "And 10 more lines." in confirm(project, "--from", file)["message"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "found none"),
        ("supplier_sku,column,value\n", "expected a line below the header"),
        ("sku,column,value\nA,sell_price,1\n", "found sku, column, value"),
        ("supplier_sku,column,value\nA,sell_price\n", "line 2: expected 3 fields"),
        ("supplier_sku,column,value\nA,sell_price,1,2\n", "line 2: expected 3 fields"),
        ('supplier_sku,column,value\n"A,sell_price,1\n', "expected CSV in UTF-8"),
        ("supplier_sku,column,value\n\xe9,sell_price,1\n", "expected CSV in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    project: SampleProject, tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "odd.csv"
    file.write_bytes(content.encode("latin-1"))
    result = confirm(project, "--from", file)
    assert (result["exit_code"], message in result["message"]) == (2, True), result
    assert str(file) in result["message"]


def test_a_confirmation_ends_when_the_source_shows_another_value(
    project: SampleProject,
) -> None:
    confirm(project, *one("supplier_sku=A"))
    confirm(project, *one("supplier_sku=B", value="5.00"))
    project.here(accept_first=True)
    assert not project.records("voided")

    # A dry run ends nothing. A key without a row or a value ends nothing.
    other = ("MAIN", "A", "AM", "2.00", "PRICE_JUMP")
    write_audit(project, [other, ("MAIN", "B", "AM", None, "PRICE_MISSING")])
    project.here(dry_run=True)
    assert len(counting(project)) == 3
    project.here()
    (record,) = project.records("voided")
    assert [each["key"]["location_code"] for each in record["entries"]] == ["MAIN"]
    assert record["because"] == "the source shows another value"
    left = [("EAST", "A", "sell_price", "1.00"), ("MAIN", "B", "sell_price", "5.00")]
    assert sorted(counting(project)) == left

    # The first value is back: it waits again.
    write_audit(project, ROWS[:1])
    project.here()
    assert sorted(counting(project)) == left
    ends = [each.ended for each in confirmations.history(Ledger(project.ledger_file))]
    assert [bool(end) for end in ends] == [True, False, False]


def test_a_later_confirmation_replaces_an_earlier_one(project: SampleProject) -> None:
    confirm(project, *one("supplier_sku=A", "location_code=MAIN"))
    write_audit(project, [("MAIN", "A", "AM", "3.00", "PRICE_JUMP")])
    confirm(project, *one("supplier_sku=A", value="3.00"))
    assert counting(project) == [("MAIN", "A", "sell_price", "3.00")]


def test_no_value_that_is_built_again_is_lost(project: SampleProject) -> None:
    """While dbt writes the warehouse, nothing is confirmed; later it is."""
    with duckdb.connect(str(project.data / "warehouse.duckdb")):
        result = confirm(project, *one("supplier_sku=A"))
    assert result["exit_code"] == 75
    assert confirm(project, *one("supplier_sku=A"))["status"] == "done"
