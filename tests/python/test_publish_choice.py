"""A company with one source, and a build of one file: what is left out, what is not."""

import json
import shutil
from pathlib import Path

import commands
import pytest
from conftest import Build
from landing import land_orders, land_parts
from sample_project import EXPOSURE, SampleProject

from publish import selection
from publish.gate import dbt
from runtime.environment import Environment
from store.feeds import artifacts
from store.ledger import Ledger


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    """A second file, of a source that nobody landed."""
    project = SampleProject(tmp_path).write()
    path = project.root / "target/manifest.json"
    content = json.loads(path.read_bytes())
    text = json.dumps(
        {name: content[name] for name in ("nodes", "sources", "exposures")}
    )
    other = json.loads(
        text.replace("partner_feeds.", "partner_feeds.other_")
        .replace('"source_name": "ordertime"', '"source_name": "order_tool"')
        .replace('"onpart_inventory"', '"other_file"')
        .replace('"onpart"', '"elsewhere"')
        .replace('"inventory_feed"', '"other_feed"')
    )
    for kind, nodes in other.items():
        content[kind] |= nodes
    path.write_text(json.dumps(content))
    return project


def test_a_file_of_a_source_that_is_not_used_is_left_out(
    project: SampleProject,
) -> None:
    done = project.run(
        "publish", "--at", project.at, "--dry-run", "--json", FEEDS_ACCEPT_FIRST=1
    )
    result = json.loads(done.stdout)
    assert (done.returncode, [f["file"] for f in result["files"]]) == (
        0,
        ["onpart_inventory"],
    )
    why = "nothing of order_tool was ever landed here"
    assert result["left_out"] == [{"file": "other_file", "because": why}]
    assert f"left out feed=other_file because={why}" in done.stderr


def test_one_that_is_named_says_what_to_do(project: SampleProject) -> None:
    result = project.publish("other_file")
    (file,) = result["files"]
    assert (result["exit_code"], file["status"]) == (1, "refused")
    assert "expected an extract of order_tool in " in file["message"]
    assert "Run `extract order_tool`, then `dbt build`." in file["message"]


def test_one_that_the_ledger_knows_has_lost_its_source(project: SampleProject) -> None:
    Ledger(project.data / "ledger.jsonl").append("held", feed="other_file", file="x")
    build_artifacts = artifacts.read(project.root, Environment({}))
    ledger = Ledger(project.data / "ledger.jsonl")
    chosen = selection.choose(build_artifacts, (), project.data / "landing", ledger)
    assert [feed.name for feed in chosen.feeds] == ["onpart_inventory", "other_file"]


def test_where_nothing_was_landed_it_is_a_mistake(project: SampleProject) -> None:
    shutil.rmtree(project.data / "landing")
    done = project.run(
        "publish",
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected a landed source in " in done.stderr


@pytest.mark.long
def test_a_build_of_one_file_is_all_that_its_gate_asks_for(
    build: Build, tmp_path: Path, data: Path
) -> None:
    """Without a warehouse, on empty sources. Unit tests are only listed."""
    target = tmp_path / "target"
    for file in ("onpart_inventory", "order_feed_delta_file", "order_feed_full_file"):
        shutil.rmtree(data, ignore_errors=True)
        land_parts(data, [], [])
        land_orders(data, [], [])
        select = ("--select", f"+exposure:{file}")
        code, output = build(*select)
        assert code == 0, output
        results = json.loads((target / "run_results.json").read_bytes())["results"]
        built = {result["unique_id"] for result in results}
        listed = commands.run(
            *("dbt", "--quiet", "list", *select, "--resource-type", "unit_test"),
            *("--output", "json", "--output-keys", "unique_id"),
            env={"FEEDS_DATA": data, "DBT_TARGET_PATH": target,
                 "DBT_LOG_PATH": tmp_path / "logs"},
        )  # fmt: skip
        lines = listed.stdout.splitlines()
        units = {json.loads(line)["unique_id"] for line in lines}
        assert units
        build_artifacts = artifacts.read(tmp_path, Environment({}))
        exposure = EXPOSURE.replace("onpart_inventory", file)
        assert dbt.nodes_needed(build_artifacts, exposure) - built - units == set()


def test_a_wrong_exposure_is_refused_and_the_others_are_served(
    project: SampleProject,
) -> None:
    path = project.root / "target/manifest.json"
    content = json.loads(path.read_bytes())
    exposures = content["exposures"].values()
    (wrong,) = (each for each in exposures if each["name"] == "other_file")
    wrong["config"]["meta"]["cadence"] = "daily"
    path.write_text(json.dumps(content))
    result = project.publish(FEEDS_ACCEPT_FIRST=1)
    assert result["exit_code"] == 2
    assert [(file["file"], file["status"]) for file in result["files"]] == [
        ("onpart_inventory", "delivered"),
        ("other_file", "refused"),
    ]
    assert "exposure other_file, field cadence" in result["files"][1]["message"]
    done = project.run("publish", "--at", project.at, "other_file")
    assert (done.returncode, "field cadence" in done.stderr) == (2, True)
    done = project.run("publish", "status", "--json")
    assert [each["feed"] for each in json.loads(done.stdout)["files"]] == [
        "onpart_inventory"
    ]
    assert "exposure other_file, field cadence" in done.stderr
