"""Servers of many minds: what `publish check` finds out, and what follows from it.

Each test lays something into the partner's folder and finds nothing else there after.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from checking import Desk, grades, tree
from servers import CELLS, Cell
from servers.fixtures import Start

FIXED = {"file": "inventory.csv"}
GAP = {"rename": "delete-then-rename"}
TIMED = {"file": "inventory_{timestamp}.csv"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def checked(desk: Desk, to: Any, **more: str) -> dict[str, Any]:
    """Check a server whose folder has something in it, and keeps just that."""
    if not to.options.read_only:
        to.lay("inventory.csv", b"old")
        to.lay("theirs.part", b"of somebody else")
    (to.folder / "archive").mkdir()
    before = tree(to.folder)
    desk.variables = to.variables()
    found = desk.check(**more)
    assert tree(to.folder) == before
    assert found["left"] == []
    assert not (desk.data / "checks" / "onpart.left.json").exists()
    return found


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_server_in_its_usual_form_is_ready(
    server: Start, desk: Desk, cell: Cell
) -> None:
    to = server(cell.kind, mode=cell.mode, tls=cell.tls)
    found = checked(desk, to)
    seen = found["observed"]
    assert (found["verdict"], found["message"]) == ("ready", "")
    assert seen["addresses"]
    assert [seen[name] for name in _ALWAYS] == [True] * len(_ALWAYS)
    assert seen["encrypted"] is (cell.mode != "plain")
    assert seen["tls"] == (f"TLSv{cell.tls}" if cell.tls else None)
    demands = cell.kind in ("vsftpd", "proftpd") if cell.tls else None
    assert seen["session_reuse"] is demands
    ascii_too = {"vsftpd": True, "pure-ftpd": True, "openssh": None}
    assert seen["size_ascii"] is ascii_too.get(cell.kind, False)
    assert seen["list_facts"] is (cell.kind != "vsftpd")
    assert seen["put_over"] == "replaces"
    assert abs(seen["clock_offset_seconds"]) <= 1
    assert seen["latency_ms"] > 0
    assert seen["throughput_mib_s"] > 0
    assert (seen["free_bytes"] is not None) is (cell.kind == "openssh")
    words = " ".join(found["strategy"])
    assert "Files are replaced by rename" in words
    assert "Its size is compared" in words
    assert ("resume the TLS session" in words) is bool(demands)
    promises = " ".join(found["not_promised"])
    assert "cannot hash: damage after the transfer that keeps the size" in promises
    assert ("Nothing is encrypted" in promises) is (cell.mode == "plain")


_ALWAYS = ("logged_in", "put", "size", "list", "remove", "zero_bytes", "rename",
           "replace", "big")  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "policy", "meta", "code", "words"),
    [
        ("proftpd", {"hashes": True}, FIXED, 0, "size and SHA-256 are compared"),
        ("proftpd", {"replace": False}, FIXED, 1, "rename does not replace.*550 .*"
         "AllowOverwrite.*delete-then-rename"),
        ("proftpd", {"replace": False}, GAP, 0, "deleted before the new one takes"),
        ("proftpd", {"replace": False}, TIMED, 0, "each file has a new name"),
        ("proftpd", {}, GAP, 0, "replaced by rename.*delete-then-rename is not needed"),
        ("pyftpdlib", {"replace": False}, FIXED, 1, "rename does not replace.*550 "),
        ("pure-ftpd", {"replace": False}, TIMED, 1, "cannot be renamed.*550 .*-G"),
        ("pure-ftpd", {"autorename": True}, FIXED, 0, "replaced by rename"),
        ("vsftpd", {"rename": False}, TIMED, 1, "cannot be renamed.*550 Permission"),
        ("openssh", {"replace": False}, TIMED, 1, "cannot be renamed.*posix-rename"),
        ("openssh", {"rename": False}, TIMED, 1, "cannot be renamed"),
        ("vsftpd", {"session_reuse": False}, FIXED, 0, "replaced by rename"),
    ],
)  # fmt: skip
def test_a_policy_leads_to_its_strategy(
    server: Start, desk: Desk, kind: str, policy: dict[str, Any],
    meta: dict[str, Any], code: int, words: str,
) -> None:  # fmt: skip
    desk.meta = meta
    found = checked(desk, server(kind, **policy))
    assert found["exit_code"] == code
    text = found["message"] if code else " ".join(found["strategy"])
    assert re.search(words, text), text
    if "autorename" in policy:
        assert found["observed"]["put_over"] == "other name"
    if policy == {"session_reuse": False}:
        assert found["observed"]["session_reuse"] is False


@pytest.mark.parametrize(
    "kind", ["vsftpd", "proftpd", "pure-ftpd", "pyftpdlib", "openssh"]
)
def test_a_folder_that_may_only_be_read(server: Start, desk: Desk, kind: str) -> None:
    found = checked(desk, server(kind, read_only=True))
    assert (found["exit_code"], grades(found)["put"]) == (1, "bad")
    assert "rights to write, rename and delete" in found["message"]
    assert found["observed"]["rename"] is None


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd", "pure-ftpd", "openssh"])
def test_a_disk_that_is_full(server: Start, desk: Desk, kind: str) -> None:
    found = checked(desk, server(kind, disk=2**19))
    assert (found["exit_code"], grades(found)["big"]) == (1, "bad")
    if kind == "openssh":
        assert found["observed"]["free_bytes"] < 2**19


def test_a_server_that_falls_silent_on_a_full_disk(server: Start, desk: Desk) -> None:
    found = checked(desk, server("pyftpdlib", disk=2**19), DEST_ONPART_TIMEOUT="3")
    assert found["exit_code"] == 75
    assert "sending partner-feeds-check-" in found["message"]


def test_a_quota_that_is_used_up(server: Start, desk: Desk) -> None:
    found = checked(desk, server("proftpd", quota=2**19))
    assert (found["exit_code"], grades(found)["big"]) == (1, "bad")
    assert "552" in found["message"]


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd", "pyftpdlib", "openssh"])
def test_a_wrong_password(server: Start, desk: Desk, kind: str) -> None:
    found = checked(desk, server(kind), DEST_ONPART_PASSWORD="not-the-one")
    assert found["exit_code"] == 1
    assert "DEST_ONPART_PASSWORD" in found["message"]


@pytest.mark.parametrize("mode", ["explicit", "implicit"])
@pytest.mark.parametrize("certificate", ["untrusted", "self-signed", "wrong-host"])
def test_a_certificate_that_is_not_believed_is_shown(
    server: Start, desk: Desk, mode: str, certificate: str
) -> None:
    to = server("proftpd", mode=mode, certificate=certificate)
    found = checked(desk, to)
    shown = found["observed"]["certificate"]
    host = "partner.example" if certificate == "wrong-host" else "localhost"
    assert host in shown["names"]
    assert shown["days_left"] in (29, 30)
    assert found["exit_code"] == 1
    assert "DEST_ONPART_CA_FILE" in found["message"]
    assert to.logins() == []

    unchecked = desk.check(DEST_ONPART_TLS_VERIFY="0")
    assert (unchecked["exit_code"], grades(unchecked)["certificate"]) == (0, "warn")
    assert "certificate is not checked" in " ".join(unchecked["not_promised"])


def test_a_certificate_that_ends_soon_is_warned_of(server: Start, desk: Desk) -> None:
    found = checked(desk, server("vsftpd"))
    assert found["observed"]["certificate"]["days_left"] == 29
    assert grades(found)["certificate"] == "warn"


def test_a_host_key_that_nobody_knows(server: Start, desk: Desk) -> None:
    found = checked(desk, server("openssh", certificate="untrusted"))
    assert found["exit_code"] == 1
    assert "SHA256:" in found["message"]


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd", "openssh"])
def test_letters_that_the_feeds_need_are_tried(
    server: Start, desk: Desk, kind: str
) -> None:
    desk.meta = {"file": "Größe & Maß.csv"}
    assert checked(desk, server(kind))["observed"]["odd_names"] is True


def test_a_server_that_is_away(server: Start, desk: Desk) -> None:
    to = server("vsftpd")
    desk.variables = to.variables()
    ready = desk.check()
    kept = desk.profiles()
    to.kill()
    away = desk.check()
    assert (ready["exit_code"], away["verdict"]) == (0, "unreachable")
    assert "nobody answers at ftps://localhost" in away["message"]
    unknown = desk.check(DEST_ONPART_URL="ftps://feeds@nowhere.invalid")
    assert unknown["exit_code"] == 75
    assert "the name nowhere.invalid is not resolved" in unknown["message"]
    # What was seen last time stays known.
    assert desk.profiles() == kept


def test_a_folder_of_this_machine(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "partner"
    desk.variables = {"DEST_ONPART_URL": folder.as_uri()}
    missing = desk.check()
    assert (missing["exit_code"], "found none" in missing["message"]) == (1, True)
    folder.mkdir()
    (folder / "inventory.csv").write_text("old")
    before = tree(folder)
    found = desk.check()
    assert (found["exit_code"], tree(folder)) == (0, before)
    assert found["observed"]["hash"] == "SHA-256"
    assert found["observed"]["free_bytes"] > 0
