"""What `publish` makes of the last check: it refuses early, and says which it was."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from sample_project import SampleProject
from servers.fixtures import Start

from publish.check.profile import Checks

with warnings.catch_warnings():
    # Its import meets deprecated modules; here, so that no test has to.
    warnings.simplefilter("ignore")
    import great_expectations  # noqa: F401


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    return SampleProject(tmp_path)


def at(project: SampleProject, to: Any, **more: str) -> SampleProject:
    """Let a project deliver to a server."""
    project.variables = {**to.variables(), **more}
    return project


def check(project: SampleProject, code: int) -> None:
    done = project.run("publish", "check", "--quiet")
    assert done.returncode == code, done.stdout + done.stderr


def published_again(project: SampleProject) -> dict[str, Any]:
    """Change the rows and publish; what was said of the file."""
    project.later()
    project.rows[0]["qty_on_hand"] += 1
    (file,) = project.write().publish()["files"]
    told: dict[str, Any] = file
    return told


def receipt(outcome: Any) -> dict[str, Any]:
    path = Path(outcome.summary["package"]) / "receipt.json"
    read: dict[str, Any] = json.loads(path.read_bytes())
    return read


def intents(project: SampleProject) -> int:
    lines = (project.data / "ledger.jsonl").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines].count("intent")


def test_without_a_check_everything_is_as_ever(project: SampleProject) -> None:
    (outcome,) = project.write().here(accept_first=True)
    assert outcome.summary["status"] == "delivered"
    assert "checked" not in receipt(outcome)
    assert not (project.data / "checks").exists()


def test_a_receipt_names_the_check_that_it_relied_on(project: SampleProject) -> None:
    project.write()
    check(project, 0)
    (outcome,) = project.here(accept_first=True)
    kept = json.loads((project.data / "checks" / "onpart.json").read_bytes())
    (entry,) = kept["folders"].values()
    text = json.dumps(entry, sort_keys=True, ensure_ascii=False)
    assert receipt(outcome)["checked"] == {
        "at": entry["report"]["at"],
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def test_what_a_check_saw_to_be_impossible_is_refused_before_the_first_byte(
    server: Start, project: SampleProject
) -> None:
    to = server("proftpd", replace=False)
    project.meta["file"] = "inventory.csv"
    at(project, to).first_delivery()
    check(project, 1)
    before = (to.names(), intents(project))
    refused = published_again(project)
    assert refused["status"] == "refused"
    for words in ("publish check", "550 ", "rename: replace", "Nothing was sent"):
        assert words in refused["message"]
    assert (to.names(), intents(project)) == before

    # Of other settings nothing is known: the server itself is asked.
    at(project, to, DEST_ONPART_TLS_MAX="1.2")
    asked = published_again(project)
    assert asked["status"] == "refused"
    assert "publish check" not in asked["message"]
    assert intents(project) == before[1] + 1


def test_a_name_that_was_never_delivered_needs_no_replacing(
    server: Start, project: SampleProject
) -> None:
    """The sample's names have the time of the run."""
    at(project, server("proftpd", replace=False)).write()
    check(project, 0)
    (outcome,) = project.here(accept_first=True)
    assert outcome.summary["status"] == "delivered"


def test_where_nothing_can_be_renamed_nothing_is_sent(
    server: Start, project: SampleProject
) -> None:
    to = server("vsftpd", rename=False)
    at(project, to).write()
    check(project, 1)
    (outcome,) = project.here(accept_first=True)
    assert outcome.code == 1
    assert "does not let a file be renamed: renaming" in outcome.summary["message"]
    assert to.names() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"folders": {"/": {}}}',
        '{"folders": {"/": 7}}',
        '{"folders": 7}',
    ],
)
def test_a_profile_that_cannot_be_read_keeps_nobody_from_publishing(
    project: SampleProject, text: str
) -> None:
    project.write()
    checks = Checks.of(project.data).path
    checks.mkdir()
    (checks / "onpart.json").write_text(text)
    (outcome,) = project.here(accept_first=True)
    assert outcome.summary["status"] == "delivered", outcome.text
    assert "checked" not in receipt(outcome)
    check(project, 0)
