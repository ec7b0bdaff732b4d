"""`publish check` at servers that lie or break off: it names the step and cleans up."""

import re
from pathlib import Path
from typing import Any

import pytest
from checking import CheckProject
from sample_project import SampleProject
from servers.script import Script
from servers.stub import PASSWORD, Stub

from store import checks


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    return CheckProject(tmp_path)


def checked(project: CheckProject, **script: Any) -> dict[str, Any]:
    """Check a scripted server, in which nothing is left."""
    with Stub(Script(**script)) as to:
        project.variables = to.variables()
        report = project.check()
        assert (to.names(), report["left"]) == ([], [])
        return report


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({"keep": 0.5}, "size: .*expected 10 bytes, the server has 5"),
        ({"keep": None}, "size: .*no longer has the file"),
        ({"takes": 0}, "size: .*no longer has the file.*takes `.part` names"),
        ({"takes": 0.5}, "stay: .*no longer has the file.*takes `.part` names"),
        ({"size_error": 1}, "size: .*expected 10 bytes, the server has 11"),
        ({"hash": "wrong"}, "hash: the server's SHA-256 .* is not the hash"),
        ({"renames": False}, "rename: .*no longer has the file"),
        ({"rnto": "553 no"}, "rename: renaming .*553 no"),
        ({"replaces": False}, "rename over a file: .*550 Rename failed: file exists"),
        ({"after": "gone"}, "rename: .*no longer has the file"),
        ({"after": "other"}, "rename: .*expected 10 bytes, the server has 5"),
        ({"refuse": "553 no such right"}, "send: .*553 no such right"),
        ({"final": "552 over quota"}, "send: .*552 over quota"),
        ({"final": "452 disk full"}, "send: .*452 disk full"),
    ],
    ids=str,
)
def test_a_server_that_is_not_acceptable(
    project: CheckProject, script: dict[str, Any], words: str
) -> None:
    report = checked(project, **script)
    assert (report["exit_code"], report["verdict"]) == (1, "not acceptable")
    assert re.match(words, report["message"]), report["message"]
    step, _, answer = report["message"].partition(": ")
    assert list(report["steps"].items())[-1] == (step, answer)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({"login": "421 too many"}, "log in: .*421 too many"),
        ({"cut": "STOR", "final": "", "times": 1}, "send: "),
        ({"cut": "RNTO", "times": 3}, "rename: "),
        ({"final": "421 going down", "times": 1}, "send: .*421 going down"),
        ({"early": 5, "final": "421 going down", "times": 1}, "send: .*421 going"),
    ],
    ids=str,
)
def test_a_server_that_breaks_off_is_unavailable(
    project: CheckProject, script: dict[str, Any], words: str
) -> None:
    report = checked(project, **script)
    assert (report["exit_code"], report["verdict"]) == (75, "unavailable")
    assert re.match(words, report["message"]), report["message"]


def test_a_hash_that_is_right(project: CheckProject) -> None:
    assert checked(project, hash="right")["steps"]["hash"] == "SHA-256"


def test_what_a_server_does_not_tell_is_not_made_up(project: CheckProject) -> None:
    """This server knows no LIST."""
    assert checked(project)["facts"]["mode"] is None


def test_a_password_that_a_server_repeats_is_not_shown(project: CheckProject) -> None:
    """`CheckProject.run_check` looks for it in all that is said and kept."""
    report = checked(project, refuse=f"553 {PASSWORD} may not")
    assert "553 … may not" in report["message"]


def test_the_words_for_a_person(project: CheckProject) -> None:
    with Stub(Script(hash="right")) as to:
        project.variables = to.variables()
        done = project.run_check("ONPART")
    assert done.returncode == 0
    assert re.search(r"^onpart ready: ftps://localhost:\d+", done.stdout)
    assert "(onpart_inventory)" in done.stdout
    for line in (
        "  send: yes",
        "  hash: SHA-256",
        "  TLS: TLSv1.3",
        "  encrypted: yes",
    ):
        assert f"{line}\n" in done.stdout
    assert "step='rename over a file'" in done.stderr


def test_names_of_a_check_end_in_part(project: CheckProject) -> None:
    with Stub() as to:
        project.variables = to.variables()
        assert project.check()["exit_code"] == 0
        names = [c.split()[1] for c in to.commands if c.startswith(("STOR", "RNTO"))]
    assert len(names) == 4
    assert all(re.fullmatch(r"partner-feeds-check-.*\.part", name) for name in names)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nobody",), 2, "DEST_NOBODY_URL"),
        (("no/body",), 2, "expected the name of a destination"),
        (("onpart", "--folder", "x"), 2, "Leave --folder out"),
    ],
)
def test_a_mistake_is_named(
    project: CheckProject, words: tuple[str, ...], code: int, message: str
) -> None:
    done = project.run_check(*words)
    assert (done.returncode, message in done.stdout + done.stderr) == (code, True)


def test_a_step_that_fails_is_shown_once(project: CheckProject) -> None:
    with Stub() as to:
        project.variables = {
            name: value
            for name, value in to.variables().items()
            if not name.endswith("CA_FILE")
        }
        done = project.run_check()
    assert done.returncode == 1
    assert done.stdout.count("  log in: ") == 1


def test_a_destination_without_a_feed_is_checked_in_the_folder_that_is_named(
    project: CheckProject,
) -> None:
    with Stub(Script()) as to:
        (to.folder / "inbox").mkdir()
        project.variables = to.variables("NEW")
        done = project.run_check("new", "--folder", "inbox", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "CWD inbox" in to.commands
        assert list((to.folder / "inbox").iterdir()) == []


def test_one_bad_destination_does_not_keep_the_others_from_their_check(
    project: CheckProject,
) -> None:
    with Stub(Script()) as to:
        project.variables = to.variables()
        done = project.run_check("onpart", "nobody")
    assert done.returncode == 2
    assert "onpart ready" in done.stdout
    assert "nobody not configured" in done.stdout


def test_a_delivery_does_not_depend_on_a_check(tmp_path: Path) -> None:
    project = SampleProject(tmp_path).quick()
    bad = {"at": "2026-01-01T00:00:00Z", "verdict": "not acceptable", "facts": {}}
    checks.keep(project.data, "onpart", "/", bad)
    assert project.write().publish(FEEDS_ACCEPT_FIRST=1)["exit_code"] == 0


def test_a_damaged_result_is_replaced(project: CheckProject) -> None:
    (project.data / "checks").mkdir(parents=True)
    (project.data / "checks" / "onpart.json").write_text("{")
    assert checked(project)["exit_code"] == 0
