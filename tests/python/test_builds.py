"""A table goes out only by the verdict of the build that made it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from built_project import NIGHTS, BuiltProject
from commands import ROOT, clean_environment
from compiled_project import NO_UNIT_TESTS
from landing import write_extract

FILE = "onpart_inventory"
DBT = (sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--no-use-colors")
# Other quantities, so that a table that was replaced is known by its rows.
BUILD = ("build", "--select", f"+exposure:{FILE}", "--vars", "{safety_stock: 1}")
ORDERS = "order_feed_full_file"


def dbt(project: BuiltProject, *words: str) -> None:
    """Run dbt to its end."""
    done = project.run("dbt", "--no-use-colors", *words)
    assert done.returncode == 0, done.stdout


def kill_after(
    project: BuiltProject,
    node: str,
    how: signal.Signals,
    seconds: float = 0,
    build: tuple[str, ...] = BUILD,
) -> bool:
    """Kill a build when dbt reports the end of a node; return whether that ended it.

    Without a node it is killed `seconds` after its first one began.
    """
    words = (*build, *NO_UNIT_TESTS)
    with subprocess.Popen(
        [*DBT, *words], cwd=ROOT, env=clean_environment(**project.environment()),
        stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout
        for line in child.stdout:
            if f" {node} ." in line or (f".{node} ." in line and " START " not in line):
                break
            if not node and " START " in line:
                time.sleep(seconds)
                break
        was_running = child.poll() is None
        child.send_signal(how)
        rest = child.stdout.read()
    return was_running and "Completed successfully" not in rest


def rows(project: BuiltProject) -> list[tuple[object, ...]]:
    """Return what both tables of the file have."""
    with duckdb.connect(
        str(project.data / "warehouse.duckdb"), read_only=True
    ) as open_:
        return [
            row
            for table in ("inventory_feed", "inventory_audit")
            for row in open_.execute(f"from {table} order by all").fetchall()
        ]


# The tables of the file, and what its audit shows, which is a view.
SHOWN = (
    *("inventory_feed", "inventory_audit", "int_parts_15_shown"),
    *("int_parts_14_decided", "int_parts_06_normalised", "int_parts_06_kept"),
)


def builds(project: BuiltProject) -> list[tuple[str, str]]:
    """Return what the file shows, each with the build that made it."""
    with duckdb.connect(
        str(project.data / "warehouse.duckdb"), read_only=True
    ) as open_:
        return open_.execute(
            """
            select table_name as name, comment from duckdb_tables()
            where table_name in $names
            union all
            select view_name, comment from duckdb_views() where view_name in $names
            order by all
            """,
            {"names": SHOWN},
        ).fetchall()


def gates(project: BuiltProject, file: str = FILE) -> set[str]:
    """Return dbt's checks that hold a file, by a dry run."""
    done = project.run_json("publish", file, "--at", NIGHTS[2], "--dry-run")
    return {
        check["id"]
        for each in done["files"]
        for check in each["held_by"]
        if check["id"].startswith("DBT_")
    }


@pytest.mark.parametrize(
    ("node", "how"),
    [
        pytest.param("int_parts_14_decided", signal.SIGKILL, marks=pytest.mark.long),
        pytest.param("inventory_audit", signal.SIGTERM, marks=pytest.mark.long),
        ("inventory_feed", signal.SIGKILL),
        pytest.param("feed_key_is_unique", signal.SIGKILL, marks=pytest.mark.long),
    ],
)
def test_a_table_of_a_killed_build_is_not_published(
    built_copy: BuiltProject, node: str, how: signal.Signals
) -> None:
    before = builds(built_copy)
    assert kill_after(built_copy, node, how)
    expected = set() if builds(built_copy) == before else {"DBT_BUILD"}
    assert gates(built_copy) == expected
    if node != "int_parts_14_decided":
        assert expected, "the build was killed before it replaced a table"


def test_no_term_is_open_only_by_a_whole_build_of_the_newest_extract(
    built_copy: BuiltProject,
) -> None:
    def status() -> tuple[str, str]:
        words = ("publish", ORDERS, "--at", "2025-12-01T08:00:00Z", "--due")
        (file,) = built_copy.run_json(*words)["files"]
        return file["status"], file["message"]

    assert status() == ("nothing open", "no sis_term_id is open")
    extract = built_copy.data / "landing/current/order_tool/extract.json"
    before = extract.read_text()
    write_extract(built_copy.data, "order_tool", {}, finished="2099-01-01T00:00:00Z")
    refused, message = status()
    assert refused == "refused"
    assert "the file was made of an older run" in message

    extract.write_text(before)
    build = ("build", "--select", f"+exposure:{ORDERS}")
    assert kill_after(built_copy, "order_terms", signal.SIGKILL, build=build)
    refused, message = status()
    assert refused == "refused"
    assert "Run `extract`, then `dbt build`" in message


def test_unit_tests_run_once_for_a_state_of_the_code(built_copy: BuiltProject) -> None:
    done = built_copy.run("publish", "build", FILE)
    assert done.returncode == 0, done.stdout
    assert "feed_key_is_unique" in done.stdout
    assert "unit_test" not in done.stdout
    assert gates(built_copy) == set()
    # Another variable is another state of the code.
    dbt(built_copy, *BUILD, *NO_UNIT_TESTS)
    assert gates(built_copy) == {"DBT_NODES"}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_build_waits_for_a_program_that_reads(built_copy: BuiltProject) -> None:
    program = (
        "import duckdb, sys; opened = duckdb.connect(sys.argv[1], read_only=True); "
        "print('open', flush=True); input()"
    )
    warehouse = str(built_copy.data / "warehouse.duckdb")
    with subprocess.Popen(
        [sys.executable, "-c", program, warehouse],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as reader, subprocess.Popen(
        [*DBT, "seed", "--select", "units_of_measure"], cwd=ROOT,
        env=clean_environment(**built_copy.environment()),
        stdout=subprocess.PIPE, text=True,
    ) as build:  # fmt: skip
        assert reader.stdout
        assert build.stdout
        assert reader.stdout.readline() == "open\n"
        lines = iter(build.stdout.readline, "")
        assert any("Found " in line for line in lines)
        time.sleep(3)
        assert build.poll() is None
        reader.communicate("\n")
        rest = "".join(lines)
        assert build.wait() == 0, rest


@pytest.mark.long
def test_no_other_command_opens_or_closes_a_gate(built_copy: BuiltProject) -> None:
    for words in (
        ("test", "--select", "inventory_feed"),
        ("docs", "generate", "--static"),  # compiles too
    ):
        dbt(built_copy, *words)
    assert gates(built_copy) == set()
    # A build of another file leaves the verdict on this one.
    dbt(
        built_copy, "build", "--select", "+exposure:order_feed_full_file",
        *NO_UNIT_TESTS,
    )  # fmt: skip
    assert gates(built_copy) == set()
    assert gates(built_copy, "order_feed_full_file") == set()
    # Its tables again, without its tests; the tests pass afterwards.
    dbt(built_copy, "run", "--select", "+inventory_feed")
    dbt(built_copy, "test", "--select", "inventory_feed")
    assert gates(built_copy) == {"DBT_BUILD"}
    dbt(built_copy, "build", "--select", f"+exposure:{FILE}")
    assert gates(built_copy) == set()


def test_a_view_takes_the_place_of_a_table_and_of_a_view(
    built_copy: BuiltProject,
) -> None:
    name, path = "int_parts_05_priced", str(built_copy.data / "warehouse.duckdb")
    with duckdb.connect(path) as warehouse:
        warehouse.execute(f"drop view {name}; create table {name} as select 1 as one")
    comments = set()
    for _ in range(2):
        dbt(built_copy, "run", "--select", name)
        with duckdb.connect(path, read_only=True) as warehouse:
            (row,) = warehouse.execute(
                f"select comment from duckdb_views() where view_name = '{name}'"
            ).fetchall()
            skus = f"select count(supplier_sku) from {name}"
            assert warehouse.execute(skus).fetchall() > [(0,)]
            comments.add(row[0])
            leftover = "select 1 from duckdb_views() where view_name like '%dbt_%'"
            assert not warehouse.execute(leftover).fetchall()
    assert len(comments) == 2


def test_a_table_replaced_by_hand_is_not_published(built_copy: BuiltProject) -> None:
    with duckdb.connect(str(built_copy.data / "warehouse.duckdb")) as open_:
        open_.execute("create or replace table inventory_feed as from inventory_feed")
    assert gates(built_copy) == {"DBT_BUILD"}


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_build_killed_at_any_node_or_time(
    built: BuiltProject, tmp_path: Path
) -> None:
    manifest = json.loads((built.folder / "target/manifest.json").read_bytes())
    names = sorted(
        {
            node["name"]
            for node in manifest["nodes"].values()
            if node["name"].startswith(("int_parts", "inventory", "stg_ordertime"))
            or (node.get("attached_node") or "").endswith(("inventory_feed", "_audit"))
        }
    )
    moments = [(name, 0.0) for name in names]
    chance = random.Random(12)
    moments += [("", chance.uniform(0, 12)) for _ in range(20)]
    limit = int(os.environ.get("FEEDS_KILLS", len(moments)))
    moments = chance.sample(moments, limit)
    before, unchanged, held = rows(built), builds(built), 0
    for number, (node, seconds) in enumerate(moments):
        project = built.copy(tmp_path / str(number))
        how = chance.choice((signal.SIGKILL, signal.SIGTERM))
        if kill_after(project, node, how, seconds):
            closed, moment = gates(project), (node, seconds, how)
            if builds(project) == unchanged:
                assert not closed, moment
                assert rows(project) == before, moment
            else:
                # At SIGTERM dbt may still record what the nodes came to.
                assert closed in ({"DBT_BUILD"}, {"DBT_NODES"}), moment
                held += 1
        shutil.rmtree(project.folder)
    assert held or limit < len(names)
