"""`monitor why`, as a person asks it, of a project that has delivered and held."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from built_project import BuiltProject
from landing import RUN

from monitor.why.rules import Rules
from monitor.why.subjects import ORDER, PART
from runtime.duck import rows


@pytest.fixture(scope="session")
def project(built: BuiltProject) -> BuiltProject:
    return built


@pytest.mark.parametrize(
    ("key", "label", "by"),
    [
        ("100-4412", "100-4412", "SKU"),
        ("  1004412 ", "100-4412", "SKU"),
        ("8o7832057a", "31 A/31", "part number"),
        ("00000 33e100", "33", "OEM number"),
        ("000007E777", "33", "alternate number"),
        ("11111.8F888", "33", "alternate number"),
        ("TO1000123", "31-A-31", "Partslink number"),
        ("to 1000-123c", "31-A-31", "Partslink number"),
        ("0036000291452", "911-1", "UPC or GTIN"),
        ("part:12", "912-1", "part id"),
    ],
)
def test_a_part_goes_by_any_of_its_names(project, key, label, by):
    told = project.why(key)
    assert {row["item_name"] for row in told["rows"]} == {label}
    assert {by} <= set(told["rows"][0]["by"])


def test_an_order_goes_by_its_id_and_by_its_sections(project):
    (row,) = project.why("s 9")["rows"]
    assert (row["order_id"], row["by"]) == (104, ["section id"])
    (row,) = project.why("order:102")["rows"]
    assert len(row["values"]["records"]) == 2
    assert row["source"]["records"]["orders"][0]["order_id"] == 102


def test_several_are_listed_and_one_is_named(project):
    several = project.why("31a31")
    assert several["rows"] == []
    assert [each["named"] for each in several["others"]] == ["31 A/31", "31-A-31"]
    said = project.run("monitor", "why", "31a31").stdout
    assert "part:31" in said
    assert "part:32" in said
    # Spelled just so, it is one; the other is still named.
    exact = project.why("31-A-31")
    assert [row["item_id"] for row in exact["rows"]] == [32]
    assert [each["key"] for each in exact["others"]] == ["part:31"]


def test_a_key_of_nothing_ends_with_1_and_the_nearest(project):
    ran = project.run("monitor", "why", "100-4421", "--json")
    assert ran.returncode == 1
    told = json.loads(ran.stdout)
    assert told["status"] == "not found"
    assert told["nearest"][0] == "100-4412"
    assert project.run("monitor", "why", " ").returncode == 2
    far = project.run("monitor", "why", "nothing like it")
    assert (far.returncode, "Expected a SKU, a number" in far.stdout) == (1, True)


def test_a_rule_tells_what_it_saw_and_what_it_allows(project):
    (row,) = project.why("410-2250")["rows"]
    rules = {rule["code"]: rule for rule in row["rules"]}
    assert row["decision"]["reason_code"] == "OD_LOW_STOCK"
    assert row["decision"]["remedy"] == "Decide whether so few may be offered"
    seen = rules["OD_LOW_STOCK"]["values"][0][-1]
    assert (float(seen["seen"]), seen["sign"], seen["limit"]) == (3, "<", 5)
    assert rules["OD_LOW_STOCK"]["decided"]
    assert [code for code, rule in rules.items() if rule["fired"]] == ["OD_LOW_STOCK"]
    long = rules["PART_NO_TOO_LONG"]["values"][0]
    assert long[0] == {
        **{"name": "length(supplier_sku)", "seen": 8, "sign": ">", "limit": 50},
        "holds": False,
    }
    with duckdb.connect(
        str(project.data / "warehouse.duckdb"), read_only=True
    ) as asked:
        codes = asked.execute(
            "select reason_code from reason_codes where status <> 'ELIGIBLE'"
            " order by position"
        ).fetchall()
    assert list(rules) == [code for (code,) in codes]
    assert all(rule["values"] for rule in rules.values())


@pytest.mark.parametrize(
    ("key", "code", "because"),
    [
        ("900-1", "TYPE_NOT_OFFERED", ("claimed_type", "RECYCLED")),
        ("911-1", "LOCATION_EXCLUDED", ("location_name", "Returns")),
        ("500-1", "CERT_CONFLICT", ("partslink_suffix", "N")),
    ],
)
def test_a_fact_is_followed_to_what_it_was_found_by(project, key, code, because):
    found = {
        (each["name"].rpartition(".")[2], each["seen"])
        for row in project.why(key)["rows"]
        for rule in row["rules"]
        for values in rule["values"]
        for value in values
        if rule["code"] == code and rule["decided"]
        for each in value.get("because", ())
    }
    assert because in found
    assert all(
        "because" not in value
        for row in project.why(key)["rows"]
        for rule in row["rules"]
        if not rule["fired"]
        for values in rule["values"]
        for value in values
    )


def test_a_rule_that_fired_shows_what_made_it_fire_and_no_more(project):
    said = project.run("monitor", "why", "910-1").stdout.splitlines()
    (line,) = [line for line in said if line.startswith("  ! ")]
    assert line.split()[1:4] == [
        "PART_NO_MANGLED",
        "upper(mfr_part_number)",
        "1.23E+11",
    ]
    assert "supplier_sku" not in line
    # One that did not fire shows all that it looked at.
    (line,) = [line for line in said if "PART_NO_TOO_LONG" in line]
    assert line.count("length(") == 3


@pytest.mark.parametrize("subject", [PART, ORDER], ids=["parts", "orders"])
def test_rules_asked_again_give_the_codes_that_dbt_gave(project, subject, monkeypatch):
    """Of every row of a messy source: what is told is what decided."""
    monkeypatch.chdir(project.folder)
    warehouse = str(project.data / "warehouse.duckdb")
    with duckdb.connect(warehouse, read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        rules = Rules(connection, subject)
        audited = rows(connection, f"select * from {subject.audit}")
        assert len(audited) > 3
        for row in audited:
            bears = row["reason_codes"].split("|")
            answers = rules.ask(row, bears)
            holding = {
                code for code, told in answers.items() if any(a.holds for a in told)
            }
            assert holding == {code for code in bears if not code.startswith("OK_")}


def test_the_line_is_the_line(project):
    (row,) = project.why("100-4412", "--feed", "onpart_inventory")["rows"][:1]
    (file,) = row["files"]
    line = Path(file["path"]).read_text().split("\n")[file["first_line"] - 1]
    assert ",100-4412," in line
    assert file["run_id"] == project.packages("onpart_inventory")[0].name
    (order,) = project.why("102")["rows"]
    (file,) = order["files"]
    text = Path(file["path"]).read_text().split("\n")
    told = "\n".join(text[file["first_line"] - 1 : file["last_line"]])
    assert told.count('"102","2026') == order["values"]["rows"] == 4
    assert told.startswith('"102"')
    assert told.count("\n") > 3  # a title has two lines
    assert order["decision"]["warnings"] == "CONTROL_CHARACTER"


def test_the_last_runs_and_any_one_of_them_are_told(project):
    told = project.why("410-2250")["rows"][0]["history"]
    assert [run["fate"] for run in told] == ["held", "held", "delivered"]
    assert told[0]["held_by"] == ["RUN_REVIEW_RATE", "RUN_STALE"]
    assert {run["reason_code"] for run in told} == {"OD_LOW_STOCK"}
    assert told[0]["changed"] == []
    first = project.packages("onpart_inventory")[0].name
    (then,) = project.why("410-2250", "--run", first[:8])["rows"]
    assert then["as_of"] == first
    assert then["decision"]["reason_code"] == "OD_LOW_STOCK"
    assert then["limits"]["od_min_on_hand"] == 5
    assert then["source"]["records"]["stock_by_location"][0]["OnHand"] == "3"
    # By its extract it is the newest package of all that stand on it.
    (then,) = project.why("410-2250", "--run", RUN)["rows"]
    assert then["as_of"] == project.packages("onpart_inventory")[-1].name
    ran = project.run("monitor", "why", "410-2250", "--run", "1999")
    assert ran.returncode == 2
    assert first in ran.stderr


def test_what_a_source_says_does_not_reach_the_terminal(project):
    said = project.run("monitor", "why", "part:30").stdout
    assert "Z-30" in said
    assert all(c.isprintable() or c == "\n" for c in said), repr(said)


def test_a_feed_that_is_none_is_misuse(project):
    ran = project.run("monitor", "why", "1", "--feed", "nobody")
    assert ran.returncode == 2
    assert "onpart_inventory" in ran.stderr


def test_while_dbt_writes_it_is_asked_later(project, tmp_path):
    busy = BuiltProject(tmp_path)
    busy.data.mkdir()
    shutil.copy(project.data / "warehouse.duckdb", busy.data)
    hold = (
        "import duckdb, sys; kept = duckdb.connect(sys.argv[1]);"
        " print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(busy.data / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout and writer.stdin
        assert writer.stdout.readline() == "open\n"
        ran = busy.run("monitor", "why", "1")
        writer.stdin.write("\n")
        writer.stdin.close()
    assert ran.returncode == 75, ran.stderr


def test_without_a_warehouse_it_says_what_to_do(tmp_path):
    ran = BuiltProject(tmp_path).run("monitor", "why", "1")
    assert ran.returncode == 2
    assert "dbt build" in ran.stderr
