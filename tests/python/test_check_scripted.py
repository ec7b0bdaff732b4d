"""Servers that lie, or tell more than usual: what a check makes of them."""

import re
from pathlib import Path
from typing import Any

import pytest
from checking import Desk, grades
from servers.script import Script
from servers.stub import PASSWORD, Stub

MIB = 2**20


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def checked(desk: Desk, **script: Any) -> dict[str, Any]:
    """Check a scripted server, in which nothing is left."""
    with Stub(Script(**script)) as to:
        desk.variables = to.variables()
        found = desk.check()
        assert (to.names(), found["left"]) == ([], [])
        return found


@pytest.mark.parametrize(
    ("script", "finding", "words"),
    [
        ({"keep": 0.5}, "size", "is not told, or is wrong"),
        ({"size_error": 1}, "size", "is not told, or is wrong"),
        ({"hash": "wrong"}, "hash", "not the file's"),
        ({"renames": False}, "rename", "cannot be renamed"),
        ({"rnto": "553 no"}, "rename", "cannot be renamed.*553 no"),
        ({"replaces": False}, "replace", "550 Rename failed: file exists"),
        ({"after": "other"}, "rename", "cannot be renamed.*something else"),
        ({"refuse": "553 no such right"}, "put", "553 no such right"),
        ({"final": "552 over quota"}, "put", "552 over quota"),
    ],
    ids=str,
)
def test_a_server_that_is_not_acceptable(
    desk: Desk, script: dict[str, Any], finding: str, words: str
) -> None:
    found = checked(desk, **script)
    assert (found["exit_code"], found["verdict"]) == (1, "not acceptable")
    assert grades(found)[finding] == "bad"
    assert re.search(words, found["message"]), found["message"]
    assert (found["strategy"], found["not_promised"]) == ([], [])


def test_a_hash_that_is_right_is_relied_on(desk: Desk) -> None:
    found = checked(desk, hash="right")
    assert found["observed"]["hash"] == "SHA-256"
    assert "Its size and SHA-256 are compared" in " ".join(found["strategy"])
    assert "cannot hash" not in " ".join(found["not_promised"])


def test_a_password_that_a_server_repeats_is_not_shown(desk: Desk) -> None:
    """`Desk.run` looks for it in all that is said and kept."""
    found = checked(desk, refuse=f"553 {PASSWORD} may not")
    assert "553 … may not" in found["message"]


def test_free_space_is_told_where_avbl_is(desk: Desk) -> None:
    found = checked(desk, free=5 * MIB)
    assert found["observed"]["free_bytes"] == 5 * MIB
    assert grades(found)["free-space"] == "good"
    assert "Free space is not told" not in " ".join(found["not_promised"])
    without = checked(desk)
    assert without["observed"]["free_bytes"] is None
    assert "Free space is not told" in " ".join(without["not_promised"])


def test_a_login_that_is_busy_is_unreachable(desk: Desk) -> None:
    found = checked(desk, login="421 too many")
    assert (found["exit_code"], found["verdict"]) == (75, "unreachable")
    assert "421 too many" in found["message"]


def test_what_is_not_known_is_not_made_up(desk: Desk) -> None:
    """This server knows neither LIST nor MDTM."""
    seen = checked(desk)["observed"]
    assert seen["session_reuse"] is None
    assert seen["clock_offset_seconds"] is None


def test_the_words_for_a_person(desk: Desk) -> None:
    with Stub(Script(hash="right")) as to:
        desk.variables = to.variables()
        done = desk.run("ONPART")
    assert done.returncode == 0
    assert "(onpart_inventory)" in done.stdout
    assert re.search(r"^onpart ready: ftps://localhost:\d+", done.stdout)
    for title in ("How files are delivered:", "What cannot be promised:"):
        assert title in done.stdout
    assert "step='renaming over a file'" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nobody",), 2, "DEST_NOBODY_URL"),
        (("no/body",), 2, "expected the name of a destination"),
        (("onpart", "--folder", "x"), 2, "Leave --folder out"),
    ],
)
def test_a_mistake_is_named(
    desk: Desk, words: tuple[str, ...], code: int, said: str
) -> None:
    done = desk.run(*words)
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True)


def test_a_destination_without_a_feed_is_checked_in_the_folder_that_is_named(
    desk: Desk,
) -> None:
    with Stub(Script()) as to:
        (to.folder / "inbox").mkdir()
        desk.variables = to.variables("NEW")
        done = desk.run("new", "--folder", "inbox", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "CWD inbox" in to.commands
        assert list((to.folder / "inbox").iterdir()) == []


def test_one_bad_destination_does_not_keep_the_others_from_their_check(
    desk: Desk,
) -> None:
    with Stub(Script()) as to:
        desk.variables = to.variables()
        done = desk.run("onpart", "nobody")
    assert done.returncode == 2
    assert "onpart ready" in done.stdout
    assert "nobody not configured" in done.stdout
