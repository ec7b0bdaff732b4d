"""Attempts that failed: `publish status` shows them; one package of the bytes stays."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sample_project import SampleProject

from publish.package import verify
from sandbox import partner


@pytest.fixture
def server(tmp_path: Path) -> Iterator[partner.Server]:
    with partner.serve(tmp_path / "ftps") as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, server: partner.Server) -> SampleProject:
    """A project with a wrong password; its first file needs no approval."""
    project = SampleProject(tmp_path).quick()
    wrong = {"DEST_ONPART_PASSWORD": f"not-{server.password}"}
    project.variables = {**server.variables(), **wrong, "FEEDS_ACCEPT_FIRST": 1}
    return project.write()


def fail(project: SampleProject) -> dict[str, Any]:
    (outcome,) = project.here(accept_first=True)
    assert outcome.code == 1, outcome.text
    project.later()
    return outcome.summary


def failed(project: SampleProject) -> list[dict[str, Any]]:
    (state,) = project.run_json("publish", "status")["files"]
    return list(state["failed"])


def whole(project: SampleProject) -> set[str]:
    """Return the runs that have a feed file."""
    return {path.parent.name for path in project.data.glob("outbox/*/*/DEMO01_*.csv")}


def verified(project: SampleProject) -> int:
    return verify.main(
        [str(project.data / "outbox"), "--ledger", str(project.ledger_file)]
    )


def test_status_tells_what_failed_until_a_delivery(
    project: SampleProject, server: partner.Server
) -> None:
    assert failed(project) == []
    fail(project)
    second = fail(project)
    (each,) = failed(project)
    assert (each["count"], each["name"]) == (2, second["name"])
    assert each["first"] <= each["last"]
    assert "530" in each["why"]
    text = project.run("publish", "status").stdout
    assert f"failed {second['name']}: 2 attempts, the last at {each['last']}: " in text
    assert server.password not in text
    project.variables["DEST_ONPART_PASSWORD"] = server.password
    (outcome,) = project.here(accept_first=True)
    assert outcome.summary["status"] == "delivered"
    assert failed(project) == []


def test_one_package_of_the_same_bytes_stays(
    project: SampleProject, server: partner.Server
) -> None:
    runs = [fail(project)["run_id"] for _ in range(3)]
    assert whole(project) == {runs[-1]}
    assert verified(project) == 0
    removed = project.records("pruned")
    assert [record["run_id"] for record in removed] == runs[:2]
    assert f"{runs[1]} has the same bytes" in removed[0]["because"]
    # Other bytes are another package.
    project.rows[0]["qty_on_hand"] = 11
    other = fail(project.write())["run_id"]
    assert whole(project) == {runs[-1], other}
    project.variables["DEST_ONPART_PASSWORD"] = server.password
    (outcome,) = project.here(accept_first=True)
    assert whole(project) == {runs[-1], outcome.summary["run_id"]}
    assert verified(project) == 0


@pytest.mark.parametrize(
    "point", ["after-append:pruned", "after-pruned-json", "in-prune"]
)
@pytest.mark.sample(1)
def test_a_kill_while_one_is_removed_is_made_good(
    project: SampleProject, point: str
) -> None:
    first = fail(project)["run_id"]
    words = ("publish", "--at", project.at)
    killed = project.run(*words, FEEDS_FAILPOINT=f"{point}=kill")
    assert killed.returncode == -signal.SIGKILL
    project.later()
    last = fail(project)["run_id"]
    folder = project.data / "outbox" / "onpart_inventory" / first
    listed = json.loads((folder / "pruned.json").read_bytes())["files"]
    assert "audit.csv" in listed
    assert not any((folder / name).exists() for name in listed)
    assert last in whole(project)
    assert verified(project) == 0
