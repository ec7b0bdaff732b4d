"""A marker follows the file: it has its name only where the file is whole."""

import json
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from commands import ROOT
from sample_project import SampleProject
from servers.fixtures import Start

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

from monitor.report import details
from publish import replay
from store.package import Package

NAMES = ["feed.csv.gz", "feed.csv.gz.sha256", "feed.manifest.json"]


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {
        "FEEDS_ACCEPT_FIRST": 1,
        "XDG_STATE_HOME": tmp_path / "state",
        "DEST_ONPART_RETRY_PAUSE": 0,
    }
    project.meta |= {
        "file": "feed.csv",
        "compress": {"format": "gzip"},
        "marker": {"content": "sha256"},
    }
    return project.quick()


def deliver(project: SampleProject) -> Package:
    (outcome,) = project.here(accept_first=True)
    assert outcome.summary["status"] == "delivered", outcome.text
    return Package(Path(outcome.summary["package"]))


def verify(project: SampleProject) -> str:
    words = ["--ledger", project.data / "ledger.jsonl", project.data / "outbox"]
    done = subprocess.run(
        [sys.executable, "-I", ROOT / "publish/package/verify.py", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("place", "content", "more", "name"),
    [
        ("folder", "md5", {"replaces": ".csv.gz"}, "feed.md5"),
        ("vsftpd", "sha256", {}, "feed.csv.gz.sha256"),
        ("vsftpd", "empty", {}, "feed.csv.gz.done"),
        ("openssh", "empty", {"suffix": ".ready"}, "feed.csv.gz.ready"),
    ],
)
@pytest.mark.sample(2)
def test_a_marker_follows_to_every_kind_of_partner(
    project: SampleProject,
    server: Start,
    place: str,
    content: str,
    more: dict[str, str],
    name: str,
) -> None:
    folder = project.partner
    if place != "folder":
        to = server(place)
        folder = to.folder
        project.variables |= to.variables()
    project.meta["marker"] = {"content": content, **more}
    package = deliver(project.write())
    there = sorted(path.name for path in folder.iterdir())
    assert there == sorted(["feed.csv.gz", "feed.manifest.json", name])
    if content == "empty":
        assert (folder / name).read_bytes() == b""
    else:
        done = subprocess.run(
            [f"{content}sum", "--check", "--strict", name],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout == "feed.csv.gz: OK\n", done.stderr
    (intent,) = project.records("intent")
    assert [item["name"] for item in intent["items"]] == [
        "feed.manifest.json", "feed.csv.gz", name,
    ]  # fmt: skip
    (delivered,) = project.records("delivered")
    assert (delivered["name"], delivered["sent"]["name"]) == ("feed.csv", "feed.csv.gz")
    page = details.receipt(package)
    assert page
    assert [file["name"] for file in page["files"]][-1] == name
    assert "1 packages, none wrong" in verify(project)


@pytest.mark.parametrize(
    "place",
    [
        "vsftpd",
        pytest.param("folder", marks=pytest.mark.long),
        pytest.param("openssh", marks=pytest.mark.long),
    ],
)
def test_a_marker_is_placed_after_the_file_was_compared(
    project: SampleProject, server: Start, place: str
) -> None:
    """Killed before the marker has its name, the next run gives it."""
    folder = project.partner
    if place != "folder":
        to = server(place)
        folder = to.folder
        project.variables |= to.variables()
    # What the partner had before is replaced as well.
    (folder / NAMES[1]).write_bytes(b"of the file before")
    killed = project.run(
        "publish", "--at", project.at, FEEDS_FAILPOINT="before-rnto=kill@3"
    )
    assert killed.returncode == -signal.SIGKILL
    (package,) = project.packages()
    file, marker = (folder / name for name in NAMES[:2])
    assert file.read_bytes() == (package / NAMES[0]).read_bytes()
    assert marker.read_bytes() == b"of the file before"
    (outcome,) = project.here()
    assert outcome.summary["status"] == "unchanged", outcome.text
    assert marker.read_bytes() == (package / NAMES[1]).read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    assert len(project.records("delivered")) == 1
    assert "none wrong" in verify(project)


def test_a_marker_is_placed_by_the_next_try(
    project: SampleProject, server: Start
) -> None:
    to = server("vsftpd")
    project.variables |= to.variables()
    child = project.start("--at", project.at, FEEDS_FAILPOINT="before-rnto=stop@3")
    assert child.stopped()
    to.kill()
    to.start()
    child.signal(signal.SIGCONT)
    assert child.wait(60).returncode == 0
    assert sorted(path.name for path in to.folder.iterdir()) == NAMES
    assert [record["event"] for record in project.records()] == [
        "intent", "placing", "delivered",
    ]  # fmt: skip


def test_no_marker_without_its_file(project: SampleProject) -> None:
    """A file that is not there as sent is unknown, and its marker gets no name."""
    project.run("publish", "--at", project.at, FEEDS_FAILPOINT="before-rnto=kill@3")
    (project.partner / NAMES[0]).write_bytes(b"other")
    (outcome,) = project.here()
    assert outcome.summary["status"] == "refused"
    assert not (project.partner / NAMES[1]).exists()
    assert project.records()[-1]["event"] == "unknown"


def test_a_held_file_has_no_marker(project: SampleProject) -> None:
    (outcome,) = project.here()
    assert outcome.summary["status"] == "held"
    assert not [*project.partner.iterdir()]
    (package,) = project.packages()
    assert not [*package.glob("*.sha256")]
    assert "none wrong" in verify(project)


def test_a_marker_that_is_refused_is_told_and_settled(project: SampleProject) -> None:
    (project.partner / NAMES[1]).mkdir()
    (outcome,) = project.here(accept_first=True)
    assert outcome.code == 1
    assert f"the file is there, and its marker {NAMES[1]} is not" in outcome.text
    (unknown,) = project.records("unknown")
    assert unknown["unmarked"] == NAMES[1]
    (again,) = project.here()
    assert again.code == 1
    (project.partner / NAMES[1]).rmdir()
    done = project.run(
        "publish", "settle", unknown["attempt"], "--as", "delivered",
        "--because", "they took it without",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    project.rows[0]["qty_on_hand"] = 11
    project.later()
    deliver(project.write())
    # The part of the marker before is removed.
    assert sorted(path.name for path in project.partner.iterdir()) == NAMES


def test_a_resend_has_a_marker_and_a_replay_has_none(
    project: SampleProject, tmp_path: Path
) -> None:
    package = deliver(project)
    before = {path.name: path.read_bytes() for path in project.partner.iterdir()}
    for path in project.partner.iterdir():
        path.unlink()
    words = ("publish", "resend", package.folder.name, "--because", "they lost it")
    done = project.run(*words)
    assert done.returncode == 0, done.stderr
    there = {path.name: path.read_bytes() for path in project.partner.iterdir()}
    assert there == before
    again = shutil.copytree(package.folder, tmp_path / "again")
    for name in NAMES[:2]:
        (again / name).unlink()
    assert set(replay.compare(package, Package(again)).values()) == {True}


def test_verify_compares_the_marker(project: SampleProject) -> None:
    project.meta.pop("compress")
    package = deliver(project.write())
    marker = package.folder / "feed.csv.sha256"
    assert "none wrong" in verify(project)
    marker.write_bytes(marker.read_bytes().replace(b"feed.csv", b"food.csv"))
    result = verify(project)
    assert "SHA-256 of feed.csv.sha256: expected" in result
    assert "content of feed.csv.sha256: expected" in result
    marker.unlink()
    assert "feed.csv.sha256: expected a file, found none" in verify(project)
    manifest = json.loads((package.folder / "feed.manifest.json").read_bytes())
    assert manifest["run"]["marker"] == {
        "name": "feed.csv.sha256", "content": "sha256"
    }  # fmt: skip
