"""What a person may release, and everything that voids it: child processes only."""

import json
import shutil
from pathlib import Path

import pytest
from sample_project import SampleProject


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    return SampleProject(tmp_path).quick()


def held(project: SampleProject) -> dict:
    (file,) = project.publish()["files"]
    assert file["status"] == "held", file
    return file


def refused(project: SampleProject, digest: str, words: str) -> None:
    done = project.run("publish", "approve", digest, "--because", "looked at it")
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_held_file_shows_its_reasons_and_rows(project: SampleProject) -> None:
    project.meta["suite"] = "onpart_inventory"
    for row in project.rows[:7]:
        row["sell_price"] = "-1.00"
    file = held(project.write())
    reason = next(r for r in file["held_by"] if r["examples"])
    output = project.run("publish", "status").stdout
    assert f"held {file['name']}" in output
    assert f"{reason['id']}: {reason['says']}" in output
    assert f"such as {reason['examples'][0]}" in output
    assert (
        f"gates.html, audit.csv in outbox/onpart_inventory/{file['run_id']}" in output
    )
    plain = project.run("publish", "--at", project.at)
    assert plain.returncode == 1
    assert f"such as {reason['examples'][0]}" in plain.stdout
    assert "every check and row: gates.html, audit.csv" in plain.stdout


def test_it_is_released_once_and_delivered_once(project: SampleProject) -> None:
    digest = held(project)["sha256"]
    done = project.run(
        "publish",
        "approve",
        digest,
        "--because",
        " looked at it ",
        FEEDS_OPERATOR="ann",
    )
    assert done.returncode == 0, done.stderr
    refused(project, digest, "was released by ann at")
    project.later()
    assert project.publish()["files"][0]["status"] == "delivered"
    refused(project, digest, "was delivered at")
    records = [
        json.loads(line)
        for line in (project.data / "ledger.jsonl").read_text().splitlines()
    ]
    (approved,) = [r for r in records if r["event"] == "approved"]
    assert (approved["by"], approved["because"]) == ("ann", "looked at it")
    assert approved["checks"] == ["RUN_FIRST"]


def test_a_file_is_named_where_two_have_the_same_bytes(project: SampleProject) -> None:
    digest = held(project)["sha256"]
    (record,) = project.records("held")
    # As if an earlier feed were held with these bytes too.
    project.write_ledger({**record, "file": "another"}, record)
    package = project.data / "outbox" / record["file"]
    shutil.copytree(package, package.with_name("another"))
    text = project.run("publish", "status").stdout
    assert f"publish approve {digest[:12]} --file onpart_inventory --because" in text
    words = ("publish", "approve", digest, "--because", "looked at it", "--file")
    unknown = project.run(*words, "nobody")
    assert (unknown.returncode, "no held file nobody has" in unknown.stderr) == (
        1,
        True,
    )
    assert project.run(*words, "onpart_inventory").returncode == 0
    (approved,) = project.records("approved")
    assert approved["file"] == "onpart_inventory"


def test_the_name_is_the_login_where_none_is_given(project: SampleProject) -> None:
    digest = held(project)["sha256"]
    done = project.run(
        "publish", "approve", digest, "--because", "x", "--json", LOGNAME="bob"
    )
    assert json.loads(done.stdout)["by"] == "bob"


def test_an_unknown_digest_is_told_the_near_ones(project: SampleProject) -> None:
    digest = held(project)["sha256"]
    wrong = ("0" if digest[3] != "0" else "1").join((digest[:3], digest[4:]))
    refused(project, wrong, f"Near: {digest} (DEMO01_")
    refused(project, "z" * 64, f"Held: {digest} (DEMO01_")


def test_an_old_package_is_not_released(project: SampleProject) -> None:
    old = held(project)["sha256"]
    project.rows[0]["qty_on_hand"] = 11
    project.later()
    held(project.write())
    refused(project, old, "is no longer the newest package")


@pytest.mark.parametrize(
    "name", ["DEMO01_inventory_20260115T070000Z.csv", "audit.csv", "gates.html",
             "SHA256SUMS"],
)  # fmt: skip
@pytest.mark.sample(2)
def test_any_changed_byte_voids_it(project: SampleProject, name: str) -> None:
    file = held(project)
    path = Path(file["package"]) / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    refused(project, file["sha256"], "changed")
    path.unlink()
    refused(project, file["sha256"], "changed")


def test_a_hard_reason_is_not_released(project: SampleProject) -> None:
    project.results["args"]["which"] = "run"
    refused(project, held(project.write())["sha256"], "DBT_COMMAND, which nobody may")


def test_a_verdict_of_dbt_that_fell_since_voids_it(project: SampleProject) -> None:
    digest = held(project)["sha256"]
    project.results["results"][0]["status"] = "error"
    project.write()
    refused(project, digest, "cannot be released any more. DBT_STATUS")


def test_a_mart_that_moved_on_since_voids_it(project: SampleProject) -> None:
    digest = held(project)["sha256"]
    project.rows[0]["qty_on_hand"] = 11
    project.write()
    refused(project, digest, "cannot be released any more. RUN_READBACK")


def test_other_reasons_than_those_approved_hold_it_again(
    project: SampleProject,
) -> None:
    digest = held(project)["sha256"]
    assert (
        project.run("publish", "approve", digest, "--because", "fine").returncode == 0
    )
    project.at = "2026-01-17T07:00:00Z"  # the same bytes, but now they are stale too
    assert [r["id"] for r in held(project)["held_by"]] == ["RUN_STALE"]
    # These may be released too: the earlier release is of other checks.
    assert (
        project.run("publish", "approve", digest, "--because", "still").returncode == 0
    )
