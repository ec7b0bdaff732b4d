"""A run made again is the same to the byte; what differs is named, or refused.

Runs are made with the real commands. `make replays` does the same over fifty.
"""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import spark_build
from committed_project import CommittedProject, commit, commit_and_run, git, tree
from compiled_project import NO_UNIT_TESTS, Compiled
from conftest import Command, spoil
from order_consumer import Consumer
from package_mutations import reseal

from benchmarks import replays
from publish.package import verify
from publish.replay import command


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_history_is_made_again_pruned_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nights of both feeds, deltas too: on 1, 2 and 4 threads, then in 512 MB."""
    env = replays.environment(tmp_path)
    for night in range(2):
        replays.night(tmp_path, env, night, 60, 40)
    newest = {each.parent.name[:14]: each for each in replays.packages(tmp_path)}
    assert len(newest) == 3
    for package, limit in zip(newest.values(), replays.LIMITS, strict=False):
        assert replays.again(package, env, limit), package

    least = {"FEEDS_KEEP_DAYS": "0", "FEEDS_KEEP_RUNS": "1"}
    publish = (sys.executable, "-m", "publish")
    subprocess.run([*publish, "prune", "--quiet"], env={**env, **least}, check=True)
    replays.night(tmp_path, env, 2, 60, 40)
    (delta, *_) = (
        package
        for package in reversed(replays.packages(tmp_path))
        if package.parent.name.startswith("order_feed_delta_file")
    )
    assert replays.again(delta, env, replays.LIMITS[3])
    capsys.readouterr()
    ledger = tmp_path / "data/ledger.jsonl"
    exit_code = verify.main([str(tmp_path / "data/outbox"), "--ledger", str(ledger)])
    result = capsys.readouterr().out
    assert exit_code == 0, result
    assert "pruned  " in result
    reads_what_the_mart_says(tmp_path)


def reads_what_the_mart_says(folder: Path) -> None:
    """Who applied every file of the order feed holds what the last build says."""
    reader = Consumer()
    files = list((folder / "partner/dev/order-feed").iterdir())
    reader.take(files)
    terms = {file.name[11:].partition("-")[0] for file in files}
    columns = ("order_id", "sis_section_id", "content_id", "ci_title", "cr_title")
    with duckdb.connect(str(folder / "data/warehouse.duckdb"), read_only=True) as mart:
        for term in terms:
            actual = mart.execute(
                f"select nullif(columns([{', '.join(map(repr, columns))}])::varchar, "
                "'null') from order_feed_v2 where sis_term_id = ?", [term],
            ).fetchall()  # fmt: skip
            held = [tuple(row[name] for name in columns) for row in reader.rows(term)]
            assert sorted(held, key=str) == sorted(actual, key=str)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_what_it_was_made_of_decides(
    compiled_project: Compiled, tmp_path: Path
) -> None:
    """One run, then a root that moved on, then a landed file that was touched."""
    project = commit_and_run(tmp_path, compiled_project)
    root, data, package = project.root, project.data, project.package
    (manifest,) = package.glob("*.manifest.json")
    schema = json.loads(manifest.read_bytes())["resources"][0]["schema"]
    assert schema["primaryKey"] == ["supplier_code", "location_code", "supplier_sku"]

    spoil(root / "seeds/location_map.csv", "MAIN", "FIRST")
    spoil(root / "dbt_project.yml", "qty_limit: 9999", "qty_limit: 1")
    git(root, "commit", "--quiet", "--all", "--message", "other")
    before = tree(data)

    # Git has the code of the run.
    exit_code, result, _ = project.replay()
    assert (exit_code, result["identical"]) == (0, True), result
    assert result["package"]["expected"] == result["package"]["found"]

    # The variables are those of the run, so that only the seed makes a difference.
    exit_code, result, summary = project.replay(
        "--here", "--folder", str(tmp_path / "again")
    )
    assert (exit_code, result["identical"]) == (1, False)
    assert f"the run has commit={project.commit}: --here" in summary
    assert result["code"]["expected"] == project.commit != result["code"]["found"]
    feed, *others = result["files"]
    assert (feed["name"][-5:], feed["identical"]) == ("Z.csv", False)
    files = {each["name"]: each["identical"] for each in others}
    assert (files["built_from.json"], files["verify.py"]) == (False, True)
    again = Path(result["folder"], feed["name"]).read_text()
    assert again == (package / feed["name"]).read_text().replace("MAIN", "FIRST")
    assert tree(data) == before

    landed = next(data.glob("landing/2*/ordertime/stock_by_location.parquet"))
    content = landed.read_bytes()
    landed.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    exit_code, result, _ = project.replay("--here")
    assert exit_code == 1
    assert "found other bytes in" in result["message"]
    assert str(landed) in result["message"]
    landed.unlink()
    exit_code, result, _ = project.replay("--here")
    assert exit_code == 1
    assert f"found no {landed}" in result["message"]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_package_of_before_is_made_again(
    compiled_project: Compiled, tmp_path: Path
) -> None:
    """It has OpenLineage events, and no times of extract in its manifest."""
    project = commit_and_run(tmp_path, compiled_project)
    package = project.package
    (manifest,) = package.glob("*.manifest.json")
    summary = json.loads(manifest.read_bytes())
    del summary["run"]["extracts"]
    manifest.write_text(json.dumps(summary))
    (package / "openlineage.jsonl").write_text("{}\n")
    reseal(package)
    exit_code, result, _ = project.replay()
    assert exit_code == 1
    differing = [each["name"] for each in result["files"] if not each["identical"]]
    assert differing == [manifest.name, "SHA256SUMS", "openlineage.jsonl"]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_duckdb_makes_a_run_again_whose_tables_were_parquet(
    compiled_project: Compiled, tmp_path: Path
) -> None:
    project = CommittedProject(tmp_path, commit=commit(tmp_path / "project"))
    compiled_project.copy_warehouse(project.data)
    select = ("--select", "+exposure:onpart_inventory", *NO_UNIT_TESTS)
    script = f"extract --quiet ordertime && dbt --quiet build {' '.join(select)}"
    sandbox = ("sandbox", "run", "--items", 60, "--", "sh", "-c", script)
    done = project.run(*sandbox)
    assert done.returncode == 0, done.stdout + done.stderr
    spark_build.export(project.data)
    (project.data / "warehouse.duckdb").unlink()
    words = ("publish", "onpart_inventory", "--dry-run")
    (file,) = project.run_json(*words, FEEDS_ACCEPT_FIRST=1)["files"]
    assert file["status"] == "ready", file
    exit_code, result, _ = project.replay()
    assert (exit_code, result["identical"]) == (0, True), result


def test_only_git_gives_the_code_of_a_run(tmp_path: Path) -> None:
    root = tmp_path / "project"
    first = commit(root)
    assert command.unpack_code(root, first, tmp_path / "there") is None
    assert (tmp_path / "there/publish/replay/command.py").is_file()
    for name, why in (
        (None, "does not name its code"),
        (f"{first}-dirty", "is no clean commit"),
        ("--output=/tmp/x", "is no clean commit"),
        ("0" * 40, "git does not have it"),
    ):
        actual = command.unpack_code(root, name, tmp_path / "no" / str(name)[-9:])
        assert actual is not None
        assert why in actual
    git(root, "rm", "-r", "--quiet", "publish/replay")
    git(root, "commit", "--quiet", "--message", "before there were replays")
    older = git(root, "rev-parse", "HEAD")
    actual = command.unpack_code(root, older, tmp_path / "older")
    assert actual == "that code has no `publish replay`"


def test_a_run_that_is_not_there_is_named(command: Command, data: Path) -> None:
    done = command("publish", "replay", "nothing", env={"FEEDS_DATA": data})
    assert done.returncode == 2
    assert "found none with the id 'nothing'" in done.stderr
