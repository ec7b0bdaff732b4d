"""Prune removes what is old; the proof, and what is needed, stays."""

import json
import os
import shutil
import signal
import subprocess
import time
import uuid
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import spark_build
from sample_project import SampleProject

from publish.package import verify
from runtime.files import sha256_of
from store import build_records
from store.ledger import Ledger

with warnings.catch_warnings():
    # Its import meets deprecated modules; here, so that no test has to.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

LEAST = {"FEEDS_KEEP_DAYS": 0, "FEEDS_KEEP_RUNS": 1}
OLD_RUN, USED_RUN = "20200101T000000Z-aaaaaa", "20260115T055500Z-abc123"


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    """Four deliveries, and two landed runs: one that packages name, one of old."""
    project = SampleProject(tmp_path).quick()
    project.first_delivery()
    for number in (1, 2, 3):
        deliver(project, number)
    for run in (OLD_RUN, USED_RUN):
        landed = project.data / "landing" / run / "ordertime"
        landed.mkdir(parents=True)
        (landed / "extract.json").write_text("{}")
        (landed / "part_items.parquet").write_bytes(b"PAR1")
    return project


def deliver(project: SampleProject, number: int) -> None:
    project.later()
    project.rows[number]["qty_on_hand"] = 10 + number
    (outcome,) = project.write().here()
    assert outcome.summary["status"] == "delivered", outcome.text


def prune(project: SampleProject, *words: str, **variables: object) -> dict[str, Any]:
    done = project.run("publish", "prune", "--json", *words, **variables)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file()
    }


def packages(project: SampleProject) -> list[Path]:
    return sorted((project.data / "outbox" / "onpart_inventory").iterdir())


def verified(
    project: SampleProject, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    capsys.readouterr()
    ledger = str(project.data / "ledger.jsonl")
    code = verify.main([str(project.data / "outbox"), "--ledger", ledger])
    return code, capsys.readouterr().out


def test_by_default_nothing_goes_soon(project: SampleProject) -> None:
    result = prune(project)
    assert result["keep"] == {"days": 730, "runs": 30}
    # The one of 2020 is among the newest thirty of its source.
    assert result["removed"] == []


def test_a_dry_run_says_it_and_touches_nothing(project: SampleProject) -> None:
    before = tree(project.data)
    result = prune(project, "--dry-run", **LEAST)
    assert [each["kind"] for each in result["removed"]].count("package") == 3
    assert tree(project.data) == before


def test_the_tables_go_and_the_chain_stays(
    project: SampleProject, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {p.name: tree(p) for p in packages(project)}
    result = prune(project, **LEAST)
    went = {(each["kind"], each["name"]) for each in result["removed"]}
    *old, newest = packages(project)
    assert {name for kind, name in went if kind == "package"} == {
        f"onpart_inventory/{each.name}" for each in old
    }
    assert ("landing", f"{OLD_RUN}/ordertime") in went
    assert not (project.data / "landing" / OLD_RUN).exists()
    # The newest package was made of the other one, and may be made again.
    assert (project.data / "landing" / USED_RUN / "ordertime").is_dir()
    assert tree(newest) == before[newest.name]
    for package in old:
        remaining = tree(package)
        content = json.loads((package / "pruned.json").read_bytes())
        assert {*before[package.name]} - {*remaining} == {*content["files"]}
        assert not list(package.glob("*.csv"))
        assert (package / "receipt.json").is_file()
        assert remaining.items() - before[package.name].items() == {
            ("pruned.json", remaining["pruned.json"])
        }
    code, words = verified(project, capsys)
    assert (code, words.count("pruned  ")) == (0, 3), words
    assert prune(project, **LEAST)["removed"] == []


def test_the_next_file_is_compared_with_what_the_partner_holds(
    project: SampleProject, capsys: pytest.CaptureFixture[str]
) -> None:
    prune(project, **LEAST)
    deliver(project, 4)
    manifest = next(packages(project)[-1].glob("*.manifest.json"))
    changes = json.loads(manifest.read_bytes())["run"]["changes"]
    assert (changes["changed"], changes["added"], changes["removed"]) == (1, 0, 0)
    assert verified(project, capsys)[0] == 0
    states = list((project.data / "delivered/inventory_feed").glob("*.parquet"))
    # What is held now, and what the two whole packages were compared with.
    assert len(states) == 3


def test_what_waits_for_a_person_stays(project: SampleProject) -> None:
    project.later()
    del project.rows[5:]
    (held,) = project.write().here()
    assert held.summary["status"] == "held"
    ledger = Ledger(project.data / "ledger.jsonl")
    (first, *_) = ledger.all("intent")
    doubt = {k: v for k, v in first.items() if k not in ("event", "at", "previous")}
    ledger.append("intent", **doubt | {"attempt": "a-2"})
    remaining = {
        (each["kind"], each["because"]): each["count"]
        for each in prune(project, **LEAST)["kept"]
    }
    assert remaining["package", "it is held, and may be released"] == 1
    assert remaining["package", "a partner holds it"] == 1
    assert remaining["package", "how its delivery ended is not known yet"] == 1
    assert remaining["state", "how its delivery ended is not known yet"] == 1
    assert (packages(project)[0] / "audit.csv").is_file()


@pytest.mark.parametrize(
    "place",
    ["before-append:pruned", "after-append:pruned@2", "after-pruned-json",
     "in-prune@2", "in-prune@16"],
)  # fmt: skip
@pytest.mark.sample(2)
def test_killed_anywhere_it_is_whole_and_the_next_one_ends_it(
    project: SampleProject, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    name, _, visit = place.partition("@")
    failpoint = f"{name}=kill" + (f"@{visit}" if visit else "")
    done = project.run("publish", "prune", FEEDS_FAILPOINT=failpoint, **LEAST)
    assert done.returncode == -signal.SIGKILL, done.stdout
    code, words = verified(project, capsys)
    assert code == 0, words
    prune(project, **LEAST)
    code, words = verified(project, capsys)
    assert (code, words.count("pruned  ")) == (0, 3), words
    assert not list(project.data.rglob("*.part"))
    assert not (project.data / "landing" / OLD_RUN).exists()
    assert not list((project.data / "landing").glob(".*"))
    result = [r["piece"] for r in Ledger(project.data / "ledger.jsonl").all("pruned")]
    assert len(result) == len(set(result))


def test_whoever_only_says_that_it_was_pruned_is_found(
    project: SampleProject, capsys: pytest.CaptureFixture[str]
) -> None:
    package = packages(project)[1]
    sums = dict(
        line.split("  ")[::-1]
        for line in (package / "SHA256SUMS").read_text().split("\n")[:-1]
    )
    (package / "audit.csv").unlink()
    content = {"files": {"audit.csv": sums["audit.csv"]}}
    (package / "pruned.json").write_text(json.dumps(content))
    code, words = verified(project, capsys)
    assert code == 1
    assert "was pruned, but the ledger does not record it" in words
    content["files"] |= {"gates.json": sums["gates.json"]}
    (package / "pruned.json").write_text(json.dumps(content))
    assert "gates.json is never removed" in verified(project, capsys)[1]
    content["files"] = {"audit.csv": "0" * 64}
    (package / "pruned.json").write_text(json.dumps(content))
    assert "pruned.json, audit.csv: expected" in verified(project, capsys)[1]


def test_what_was_pruned_cannot_be_made_again(project: SampleProject) -> None:
    prune(project, **LEAST)
    done = project.run("publish", "replay", packages(project)[0].name)
    assert done.returncode == 1
    assert "its tables were removed at" in done.stderr


def fill(folder: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), (folder / "fill").open("ab", 0) as file:
        while True:
            file.write(bytes(4096))


def test_a_full_disk_needs_no_room_to_be_pruned(
    project: SampleProject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    disk = tmp_path_factory.mktemp("disk")
    words = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(disk)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount (CAP_SYS_ADMIN)")
    try:
        small = project.copy(disk / "project")
        assert small.run("publish", "prune").returncode == 0
        fill(small.data)
        # The command that needs room leaves the reserve to the one that makes it.
        done = small.run("publish", "hold", "onpart_inventory", "--until", "2091-01-01",
                         "--because", "x" * 5000)  # fmt: skip
        assert done.returncode == 75, done.stderr
        assert "`publish prune`" in done.stderr
        assert prune(small, **LEAST)["bytes"]["removed"]
        assert small.records("pruned")
        assert json.loads((small.data / "ledger.head").read_bytes())["records"] == len(
            small.records()
        )
        assert prune(small, **LEAST)["removed"] == []
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_limit_of_size_is_refused_by_name(project: SampleProject) -> None:
    before = tree(project.data)
    done = project.run("publish", "prune", FEEDS_KEEP_SIZE="50GB")
    assert done.returncode == 2
    assert "FEEDS_KEEP_SIZE is set" in done.stderr
    assert tree(project.data) == before


def touch(folder: Path, days: float) -> None:
    """Let a build look as if it was written some days ago."""
    at = time.time() - days * 86400
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (at, at))


def old_builds(project: SampleProject) -> dict[str, str]:
    """Make builds of five days ago and one of now; return their ids."""
    project.write()
    spark = project.data / "spark"
    ids = {name: str(uuid.uuid4()) for name in ("first", "part", "killed", "last")}
    tables: dict[str, Any] = {}
    for number, name in enumerate(("first", "part", "last")):
        hour = f"2026-01-15 0{number + 7}:00:00"
        content = spark_build.export(project.data, ids[name], built_at=hour)
        # The last one has a table of the one before it.
        every = {**content["tables"], **tables}
        build_records.write(project.place, {**content, "tables": every})
        tables = {"other": content["tables"]["inventory_audit"]}
    shutil.copytree(spark / ids["first"], spark / ids["killed"])
    for id_ in ids.values():
        for folder in (spark / id_, spark / "builds" / id_):
            if folder.exists():
                touch(folder, 5)
    (project.data / "warehouse.duckdb").unlink()
    return ids


def builds_of(result: dict[str, Any]) -> set[str]:
    """Return the builds that a prune removed."""
    return {each["name"] for each in result["removed"] if each["kind"] == "build"}


def test_the_tables_of_old_builds_go_after_a_day(project: SampleProject) -> None:
    ids = old_builds(project)
    spark = project.data / "spark"
    running = spark / str(uuid.uuid4()) / "inventory_feed"
    running.mkdir(parents=True)
    (running / "part-0.parquet").write_bytes(b"PAR1")
    old = {ids["first"], ids["killed"]}
    assert builds_of(prune(project, "--dry-run")) == old
    assert builds_of(prune(project)) == old
    left = {path.name for path in spark.iterdir()}
    assert left == {ids["part"], ids["last"], "builds", running.parent.name}
    assert {path.name for path in (spark / "builds").iterdir()} == {
        ids["part"], ids["last"]
    }  # fmt: skip
    project.later()
    (outcome,) = project.here()
    assert outcome.summary["status"] == "unchanged", outcome.text
    # The build that ran was killed.
    touch(running.parent, 2)
    assert builds_of(prune(project)) == {running.parent.name}
    assert builds_of(prune(project)) == set()
    pruned = [each for each in project.records("pruned") if each["kind"] == "build"]
    assert {each["piece"] for each in pruned} == {*old, running.parent.name}
    assert {each["because"] for each in pruned} == {
        "the newest build has no table of it"
    }


def test_a_killed_prune_of_a_build_is_finished(
    project: SampleProject, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = old_builds(project)
    done = project.run("publish", "prune", FEEDS_FAILPOINT="in-prune=kill")
    assert done.returncode == -signal.SIGKILL
    assert any((project.data / "spark").glob(".*.pruned"))
    result = prune(project)
    assert result["finished"] == 1
    assert not any((project.data / "spark").glob(".*"))
    left = {path.name for path in (project.data / "spark").iterdir()}
    assert left == {ids["part"], ids["last"], "builds"}
    assert verified(project, capsys)[0] == 0
