"""`monitor why` as a person runs it, on data that was delivered and held."""

import csv
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from built_project import BuiltProject
from delivered_project import DeliveredProject
from landing import RUN

from monitor.why import subjects
from runtime.exits import Misuse
from store.feeds.artifacts import Artifacts


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
def test_a_part_is_found_by_any_of_its_names(project, key, label, by):
    answer = project.why(key)
    assert {row["item_name"] for row in answer["rows"]} == {label}
    assert {by} <= set(answer["rows"][0]["by"])


def test_an_order_is_found_by_its_id_and_by_its_sections(project):
    (row,) = project.why("s 9")["rows"]
    assert (row["order_id"], row["by"]) == (104, ["section id"])
    (row,) = project.why("order:102")["rows"]
    assert len(row["values"]["records"]) == 2
    assert row["source"]["records"]["orders"][0]["order_id"] == 102


def test_several_matches_are_listed_and_an_exact_one_is_explained(project):
    several = project.why("31a31")
    assert several["rows"] == []
    assert [each["named"] for each in several["others"]] == ["31 A/31", "31-A-31"]
    text = project.run("monitor", "why", "31a31").stdout
    assert "part:31" in text
    assert "part:32" in text
    # The exact name is explained; the other match is still listed.
    exact = project.why("31-A-31")
    assert [row["item_id"] for row in exact["rows"]] == [32]
    assert [each["key"] for each in exact["others"]] == ["part:31"]


def test_an_unknown_key_exits_1_and_names_the_nearest(project):
    ran = project.run("monitor", "why", "100-4421", "--json")
    assert ran.returncode == 1
    answer = json.loads(ran.stdout)
    assert answer["status"] == "not found"
    assert answer["nearest"][0] == "100-4412"
    assert project.run("monitor", "why", " ").returncode == 2
    far = project.run("monitor", "why", "nothing like it")
    assert (far.returncode, "Expected a SKU, a number" in far.stdout) == (1, True)


def test_a_code_shows_its_meaning_its_remedy_and_what_it_looked_at(project):
    (row,) = project.why("410-2250")["rows"]
    assert row["decision"]["reason_code"] == "OD_LOW_STOCK"
    assert row["decision"]["remedy"] == "Decide whether so few may be offered"
    assert row["codes"] == [
        {
            "code": "OD_LOW_STOCK",
            "decided": True,
            "step": "5 type",
            "status": "REVIEW",
            "meaning": "An OD part has fewer units than od_min_on_hand",
            "remedy": "Decide whether so few may be offered",
            "values": {"part_type": "OD", "on_hand_raw": "3"},
        }
    ]
    assert (
        "  ! OD_LOW_STOCK: An OD part has fewer units than od_min_on_hand."
        " To do: Decide whether so few may be offered.\n"
        "      part_type OD\n"
        "      on_hand_raw 3\n"
    ) in project.run("monitor", "why", "410-2250").stdout


@pytest.mark.parametrize(
    ("key", "code", "values"),
    [
        ("900-1", "TYPE_NOT_OFFERED", {"part_type_raw": "Recycled"}),
        ("911-1", "LOCATION_EXCLUDED", {"location_name": "Returns"}),
        ("500-1", "CERT_CONFLICT", {"partslink_raw": "TO1000999N"}),
        ("part:7", "ITEM_INACTIVE", {"IsActive": False}),
    ],
)
def test_the_values_are_those_of_the_audit_or_of_the_source(project, key, code, values):
    shown = [
        each["values"]
        for row in project.why(key)["rows"]
        for each in row["codes"]
        if each["code"] == code
    ]
    assert shown
    assert all(values.items() <= each.items() for each in shown)


def test_what_the_eye_does_not_see_is_spelled_out(project):
    text = project.run("monitor", "why", "part:30").stdout
    assert (
        '      supplier_sku Z-30\ufffd\ufffd[31mred = "Z-30\\t\\x1b[31mred"\n' in text
    )
    assert "supplier_sku 33 =" not in project.run("monitor", "why", "part:33").stdout


def parts_of(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a statement's tree."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from parts_of(each)


def columns_of(node: Any, joins: dict[str, set[str]]) -> set[str]:
    """Return the columns of an expression, and those by which its tables are joined."""
    columns = set()
    for each in parts_of(node):
        if each.get("class") == "COLUMN_REF":
            table, *names = each["column_names"]
            # Otherwise a column, and perhaps a field of it.
            columns |= {*names, *joins[table]} if table in joins else {table, *names}
    return columns


def made_of(name: str, column: dict[str, Any], tables: dict[str, set[str]]) -> set[str]:
    """Return the columns whose values a column has.

    A text `x_kept` is stored where it differs from another value, and shown again.
    """
    columns = columns_of(column, tables)
    if name.endswith("_kept") and column["class"] == "CASE":
        return columns_of(column["case_checks"][0]["when_expr"]["left"], tables)
    return {each for each in columns if each.endswith("_kept")} or columns


def tables_of(node: Any) -> dict[str, str]:
    """Return the tables of a FROM clause, or of a side of a join, by their aliases."""
    return {
        each["alias"] or each["table_name"]: each["table_name"]
        for each in parts_of(node)
        if each.get("table_name")
    }


@dataclass
class Lineage:
    """What columns and reason codes are made of, by name.

    `values` has only the columns that an expression names. `reads` has also the columns
    by which tables are joined, and under "rows of TABLE" those that select its rows.
    """

    values: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    reads: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def read(cls, manifest: Path, model: str) -> "Lineage":
        """Read the compiled SQL of a model and of all that it is built from."""
        nodes = json.loads(manifest.read_text())["nodes"]
        lineage = cls()
        wanted = [next(name for name in nodes if name.endswith(f".{model}"))]
        for name in wanted:
            if nodes.get(name, {}).get("resource_type") == "model":
                parents = nodes[name]["depends_on"]["nodes"]
                wanted += [parent for parent in parents if parent not in wanted]
                lineage.add(nodes[name]["name"], nodes[name]["compiled_code"])
        return lineage

    def add(self, model: str, sql: str) -> None:
        """Add a model."""
        with duckdb.connect() as connection:
            ((tree,),) = connection.execute(
                "select json_serialize_sql(?)", [sql]
            ).fetchall()
        node = json.loads(tree)["statements"][0]["node"]
        steps = {each["key"]: each["value"] for each in node.pop("cte_map")["map"]}
        full = {step: f"{model}.{step}" for step in steps}
        for step, query in {**steps, model: node}.items():
            for select in parts_of(query):
                if "select_list" in select:
                    self.add_select(full.get(step, step), select, full)

    def add_select(
        self, step: str, select: dict[str, Any], full: dict[str, str]
    ) -> None:
        """Add the columns and codes of one select."""
        origin = select["from_table"]
        joins: dict[str, set[str]] = {alias: set() for alias in tables_of(origin)}
        clauses = ("where_clause", "group_expressions", "having")
        rows = columns_of([select[clause] for clause in clauses], joins)
        rows |= {f"rows of {full.get(t, t)}" for t in tables_of(origin).values()}
        for join in parts_of(origin):
            if join.get("type") == "JOIN":
                by = columns_of(join["condition"], joins)
                rows |= by if join["join_type"] == "INNER" else set()
                for alias, table in tables_of(join["right"]).items():
                    joins[alias] |= by | {f"rows of {full.get(table, table)}"}
        self.reads[f"rows of {step}"] |= rows
        for column in select["select_list"]:
            if column["class"] != "STAR":
                # Without an alias: a column, or the expression of a subquery.
                name = column["alias"] or column.get("column_names", [""])[-1]
                self.values[name] |= made_of(
                    name, column, {alias: set() for alias in joins}
                )
                self.reads[name] |= columns_of(column, joins)
            self.add_codes(column, joins)

    def add_codes(self, column: dict[str, Any], joins: dict[str, set[str]]) -> None:
        """Add the codes that an expression gives: case when ... then 'CODE' end."""
        for case in parts_of(column):
            for check in case.get("case_checks", ()):
                code = check["then_expr"].get("value", {}).get("value")
                if isinstance(code, str):
                    self.reads[code] |= columns_of(check["when_expr"], joins)

    def is_read(self, column: str, code: str) -> bool:
        """Whether the rule of a code reads all that a column is made of."""
        read = closure(self.reads, code)
        sources = closure(self.values, column)
        return column in read or read >= {
            name for name in sources if self.values[name] <= {name}
        }


def closure(edges: dict[str, set[str]], name: str) -> set[str]:
    """Return a name and all that is reached from it."""
    reached, left = {name}, [name]
    while left:
        new = edges[left.pop()] - reached
        reached |= new
        left += new
    return reached


@pytest.mark.parametrize("audit", ["inventory_audit", "order_audit"])
def test_looks_at_names_what_the_rule_reads(project, audit):
    """Columns of the audit or fields of the source's record, read by the rule's SQL."""
    manifest = json.loads((project.folder / "target/manifest.json").read_bytes())
    (subject,) = (
        each for each in subjects.read(Artifacts(manifest)) if each.audit == audit
    )
    landing = project.data / "landing" / RUN / subject.source
    with duckdb.connect(
        str(project.data / "warehouse.duckdb"), read_only=True
    ) as opened:
        described = opened.execute(f"describe {subject.audit}").fetchall()
        for each in subject.landed:
            described += opened.execute(
                f"describe from '{landing / each.entity}.parquet'"
            ).fetchall()
        seed = opened.execute(
            f"select reason_code, looks_at, status from {subject.reasons}"
        ).fetchall()
    known = {name for name, *_ in described}
    lineage = Lineage.read(project.folder / "target/manifest.json", subject.audit)
    for code, looks_at, status in seed:
        for name in looks_at.split("|"):
            assert name in known, (code, name)
            # That a row is eligible is no rule of its own.
            assert status == "ELIGIBLE" or lineage.is_read(name, code), (code, name)


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ({"name": "part"}, "missing required field `source`"),
        ({"nmae": "part"}, "unknown field `nmae`"),
        ("part", "expected fields, found 'part'"),
        ({"keys": [{"name": 5}]}, "Expected `str`, got `int` - at `$.keys[0].name`"),
    ],
)
def test_a_wrong_declaration_names_its_model_and_field(why, words):
    node = {"resource_type": "model", "name": "an_audit", "meta": {"why": why}}
    with pytest.raises(Misuse, match=r"an_audit: meta\.why: ") as caught:
        subjects.read(Artifacts({"nodes": {"model.p.an_audit": node}}))
    assert words in str(caught.value)


def test_a_column_that_the_rule_does_not_read_is_noticed(project):
    lineage = Lineage.read(project.folder / "target/manifest.json", "inventory_audit")
    for column in ("price_raw", "brand", "available_raw"):
        assert not lineage.is_read(column, "QTY_NEGATIVE")
    for column in ("on_hand_raw", "part_type_raw", "list_price"):
        assert not lineage.is_read(column, "PRICE_MISSING")


def test_the_named_lines_have_the_row(project):
    (row,) = project.why("100-4412", "--feed", "onpart_inventory")["rows"][:1]
    (file,) = row["files"]
    line = Path(file["path"]).read_text().split("\n")[file["first_line"] - 1]
    assert ",100-4412," in line
    assert file["run_id"] == project.packages("onpart_inventory")[0].name
    (order,) = project.why("102")["rows"]
    assert len(order["files"]) == 2  # the delta and the full file
    for file in order["files"]:
        text = Path(file["path"]).read_text().split("\n")
        order_lines = "\n".join(text[file["first_line"] - 1 : file["last_line"]])
        assert order_lines.count('"102","2026') == order["values"]["rows"] == 4
        assert order_lines.startswith('"102"')
        assert order_lines.count("\n") > 3  # a title has two lines
    assert order["decision"]["warnings"] == "CONTROL_CHARACTER"


def test_the_last_runs_are_shown_and_each_can_be_explained(project):
    history = project.why("410-2250")["rows"][0]["history"]
    assert [run["fate"] for run in history] == ["held", "held", "delivered"]
    assert history[0]["held_by"] == ["RUN_REVIEW_RATE", "RUN_STALE"]
    assert {run["reason_code"] for run in history} == {"OD_LOW_STOCK"}
    assert history[0]["changed"] == []
    first = project.packages("onpart_inventory")[0].name
    (then,) = project.why("410-2250", "--run", first[:8])["rows"]
    assert then["as_of"] == first
    assert then["decision"]["reason_code"] == "OD_LOW_STOCK"
    assert then["limits"]["od_min_on_hand"] == 5
    assert then["source"]["records"]["stock_by_location"][0]["OnHand"] == "3"
    # An extract run names the newest package made from it.
    (then,) = project.why("410-2250", "--run", RUN)["rows"]
    assert then["as_of"] == project.packages("onpart_inventory")[-1].name
    ran = project.run("monitor", "why", "410-2250", "--run", "1999")
    assert ran.returncode == 2
    assert first in ran.stderr


def test_control_characters_of_a_source_do_not_reach_the_terminal(project):
    text = project.run("monitor", "why", "part:30").stdout
    assert "Z-30" in text
    assert all(c.isprintable() or c == "\n" for c in text), repr(text)


def test_an_unknown_feed_is_misuse(project):
    ran = project.run("monitor", "why", "1", "--feed", "nobody")
    assert ran.returncode == 2
    assert "onpart_inventory" in ran.stderr


def test_while_dbt_writes_the_command_asks_to_try_again(project, tmp_path):
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


def test_without_a_warehouse_the_error_names_the_next_step(tmp_path):
    ran = BuiltProject(tmp_path).run("monitor", "why", "1")
    assert ran.returncode == 2
    assert "dbt build" in ran.stderr


def test_a_hold_and_what_a_partner_rejected_are_shown(built_copy: BuiltProject):
    project = built_copy
    path = project.folder / "target/manifest.json"
    manifest = json.loads(path.read_bytes())
    exposure = manifest["exposures"]["exposure.partner_feeds.onpart_inventory"]
    exposure["config"]["meta"]["feedback"] = {
        "key": {"sku": "supplier_sku", "place": "location_code"},
        "code": "error",
    }
    path.write_text(json.dumps(manifest))
    package = next(p for p in project.recorded_packages() if p.receipt)
    with (package.folder / package.resource["path"]).open(newline="") as lines:
        row = next(csv.DictReader(lines))
    path = project.folder / "rejected.csv"
    path.write_text(
        f"place,sku,error\n{row['location_code']},{row['supplier_sku']},NO_\x1b[2JPHOTO\n"
    )
    because = ("--because", "their mail")
    done = project.run("publish", "feedback", package.feed, path, *because)
    assert done.returncode == 0, done.stderr
    until = ("--until", "2091-01-20")
    assert not project.run("publish", "hold", package.feed, *until, *because).returncode
    answers = project.why(row["supplier_sku"])["rows"]
    assert [each["code"] for one in answers for each in one["rejected"]] == [
        "NO_\x1b[2JPHOTO"
    ]
    text = project.run("monitor", "why", row["supplier_sku"]).stdout
    assert "rejected by the partner: NO_\N{REPLACEMENT CHARACTER}[2JPHOTO" in text
    assert f"{package.feed} is on hold until 2091-01-20T00:00:00Z" in text


def test_an_audit_without_ids_and_item_names_is_explained(delivered: DeliveredProject):
    answer = delivered.run_json("monitor", "why", "100 00005")
    (row,) = answer["rows"]
    assert (row["item_name"], row["by"]) == ("100-00005", ["SKU"])
    assert row["decision"]["status"] == "ELIGIBLE"
    assert [code["code"] for code in row["codes"]] == ["OK"]
    (line,) = row["files"]
    assert (line["fate"], line["first_line"]) == ("delivered", 4)
    assert [run["is_there"] for run in row["history"]] == [True]
    done = delivered.run("monitor", "why", "100-00005")
    assert done.returncode == 0
    assert "part 100-00005 at EAST: ELIGIBLE, OK" in done.stdout
    run = row["history"][0]["run_id"]
    (then,) = delivered.run_json("monitor", "why", "100-00005", "--run", run)["rows"]
    assert then["decision"]["status"] == "ELIGIBLE"
    missing = delivered.run("monitor", "why", "100-0000")
    assert missing.returncode == 1
    assert "Nearest: 100-0000" in missing.stdout
    assert delivered.run("monitor", "why", "part:5").returncode == 1
