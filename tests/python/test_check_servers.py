"""`publish check` at real servers: it says what it saw, and leaves nothing there."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from checking import CheckProject, tree
from servers import CELLS, Cell
from servers.fixtures import Start

FIXED = {"file": "inventory.csv"}
TIMED = {"file": "inventory_{timestamp}.csv"}
STEPS = [
    "log in", "send", "size", "hash", "rename", "rename over a file", "stay", "remove"
]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> CheckProject:
    return CheckProject(tmp_path)


def checked(project: CheckProject, to: Any, **more: str) -> dict[str, Any]:
    """Check a server whose folder has something in it, and keeps just that."""
    if not to.options.read_only:
        to.lay("inventory.csv", b"old")
        to.lay("theirs.part", b"of somebody else")
    (to.folder / "archive").mkdir()
    before = tree(to.folder)
    project.variables = to.variables()
    report = project.check(**more)
    assert tree(to.folder) == before
    assert report["left"] == []
    return report


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_server_in_its_usual_form_is_ready(
    server: Start, project: CheckProject, cell: Cell
) -> None:
    to = server(cell.kind, mode=cell.mode, tls=cell.tls)
    report = checked(project, to)
    facts = report["facts"]
    assert (report["verdict"], report["message"]) == ("ready", "")
    answers = dict.fromkeys(STEPS, "yes") | {"hash": "not offered"}
    assert report["steps"] == answers
    assert facts["greeting"]
    assert facts["encrypted"] is (cell.mode != "plain")
    assert facts["mode"] == "0644"
    if cell.mode == "sftp":
        assert facts["host_key"].startswith("SHA256:")
    else:
        assert facts["tls"] == (f"TLSv{cell.tls}" if cell.tls else None)
        assert (facts["certificate_ends"] is None) is (not cell.tls)


@pytest.mark.parametrize(
    ("kind", "policy", "meta", "code", "words"),
    [
        ("proftpd", {"hashes": True}, FIXED, 0, "hash: SHA-256"),
        ("proftpd", {"replace": False}, FIXED, 1, "a file: .*550 .*may replace it"),
        ("proftpd", {"replace": False}, TIMED, 0, "over a file: not needed, .*550 "),
        ("pyftpdlib", {"replace": False}, FIXED, 1, "over a file: renaming .*550 "),
        ("pure-ftpd", {"replace": False}, TIMED, 1, "^rename: renaming .*550 "),
        ("pure-ftpd", {"autorename": True}, FIXED, 0, "rename over a file: yes"),
        ("vsftpd", {"rename": False}, TIMED, 1, "^rename: .*550 Perm.*right to rename"),
        ("vsftpd", {"session_reuse": False}, FIXED, 0, "rename over a file: yes"),
        ("openssh", {"replace": False}, FIXED, 1, "over a file: .*out posix-rename"),
        ("openssh", {"replace": False}, TIMED, 0, "not needed, .*without posix-rename"),
        ("openssh", {"rename": False}, TIMED, 1, "^rename: .*to allow renames"),
        ("openssh", {"read_only": True}, TIMED, 1, "^send: .*right to write"),
        ("vsftpd", {"read_only": True}, TIMED, 1, "^send: .*55[03] .*right to write"),
        ("pure-ftpd", {"read_only": True}, TIMED, 1, "^send: sending .*55[03] "),
    ],
)  # fmt: skip
@pytest.mark.sample(7)
def test_a_policy_shows_at_its_step_in_the_servers_words(
    server: Start, project: CheckProject, kind: str, policy: dict[str, Any],
    meta: dict[str, Any], code: int, words: str,
) -> None:  # fmt: skip
    project.meta = meta
    report = checked(project, server(kind, **policy))
    assert report["exit_code"] == code
    assert (report["message"] == "") is (code == 0)
    answers = "\n".join(f"{step}: {answer}" for step, answer in report["steps"].items())
    assert re.search(words, answers, re.MULTILINE), answers


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd", "pyftpdlib", "openssh"])
def test_a_wrong_password(server: Start, project: CheckProject, kind: str) -> None:
    report = checked(project, server(kind), DEST_ONPART_PASSWORD="not-the-one")
    assert report["exit_code"] == 1
    assert list(report["steps"]) == ["log in"]
    assert "DEST_ONPART_PASSWORD" in report["message"]


@pytest.mark.parametrize("certificate", ["untrusted", "self-signed", "wrong-host"])
def test_a_certificate_that_is_not_believed(
    server: Start, project: CheckProject, certificate: str
) -> None:
    to = server("proftpd", certificate=certificate)
    report = checked(project, to)
    assert report["exit_code"] == 1
    assert "DEST_ONPART_CA_FILE" in report["message"]
    assert to.logins() == []

    unchecked = project.check(DEST_ONPART_TLS_VERIFY="0")
    assert unchecked["exit_code"] == 0
    assert unchecked["facts"]["certificate_checked"] is False
    assert unchecked["facts"]["certificate_ends"] is None


def test_a_host_key_that_nobody_knows(server: Start, project: CheckProject) -> None:
    report = checked(project, server("openssh", certificate="untrusted"))
    assert report["exit_code"] == 1
    assert "SHA256:" in report["message"]


def test_a_quota_that_is_used_up(server: Start, project: CheckProject) -> None:
    report = checked(project, server("proftpd", quota=4))
    assert report["exit_code"] == 1
    assert re.match("(send|size): .*552", report["message"])


def test_a_server_that_is_away(server: Start, project: CheckProject) -> None:
    to = server("vsftpd")
    project.variables = to.variables()
    assert project.check()["exit_code"] == 0
    to.kill()
    away = project.check()
    assert (away["exit_code"], away["verdict"]) == (75, "unavailable")
    assert "log in: connecting to ftps://localhost" in away["message"]
    unknown = project.check(DEST_ONPART_URL="ftps://feeds@nowhere.invalid")
    assert unknown["exit_code"] == 75
    assert "nowhere.invalid" in unknown["message"]


def test_a_folder_of_this_machine(project: CheckProject, tmp_path: Path) -> None:
    folder = tmp_path / "partner"
    project.variables = {"DEST_ONPART_URL": folder.as_uri()}
    missing = project.check()
    assert (missing["exit_code"], "found none" in missing["message"]) == (1, True)
    folder.mkdir()
    (folder / "inventory.csv").write_text("old")
    before = tree(folder)
    report = project.check()
    assert (report["exit_code"], tree(folder)) == (0, before)
    assert report["steps"]["hash"] == "SHA-256"
    assert report["facts"]["mode"] == "0644"

    old = os.umask(0o077)
    try:
        done = project.run("python", "-m", "publish", "check")
    finally:
        os.umask(old)
    assert "mode of the file: 0600\n  warning: only this login can" in done.stdout


@pytest.mark.parametrize(
    ("umask", "meta", "mode", "words"),
    [
        ("077", {}, "0600", "only this login can read"),
        ("027", {}, "0640", "only this login and its group can read"),
        ("022", {}, "0644", ""),
        ("077", {"mode": "0664"}, "0664", ""),
        ("022", {"mode": "0660"}, "0660", "only this login and its group can read"),
    ],
)
def test_who_can_read_what_is_delivered(
    server: Start, project: CheckProject, umask: str, meta: dict[str, str], mode: str,
    words: str,
) -> None:  # fmt: skip
    """077 is vsftpd's own default."""
    project.meta = {**FIXED, **meta}
    report = checked(project, server("vsftpd", umask=umask))
    assert (report["verdict"], report["facts"]["mode"]) == ("ready", mode)
    assert report["steps"].get(f"mode {mode}") == ("yes" if meta else None)
    assert [words in text for text in report["warnings"]] == ([True] if words else [])
