"""Each server of docs/servers.yml is ready, or refused with the message of that file.

`make servers` runs all of them. Without it, those of `.ci/servers` alone are there.
"""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from checking import CheckProject
from commands import ROOT
from delivering import ignore, opened
from sample_project import SampleProject
from servers import KINDS, Server, fixtures, others

from publish.transport.connection import ensure_mode
from runtime.exits import Refused, Temporary
from runtime.files import sha256_of

CATALOGUE = yaml.safe_load((ROOT / "docs/servers.yml").read_text("utf-8"))
SERVERS = CATALOGUE["servers"]
NAME = "stock.csv"
NEW_NAME = "stock_{timestamp}.csv"
OLD = b"old"


def label(entry: dict[str, Any]) -> str:
    return f"{entry['name']} {entry['protocol']}"


each_server = pytest.mark.parametrize("entry", SERVERS, ids=label)


@pytest.fixture
def to(server: fixtures.Start, entry: dict[str, Any]) -> Server:
    return server(entry["kind"], **entry["options"])


@pytest.fixture
def project(tmp_path: Path, to: Server) -> SampleProject:
    project = SampleProject(tmp_path)
    project.meta |= {"file": NAME, "manifest": "keep"}
    return configured(project, to).quick()


def configured(project: Any, to: Server) -> Any:
    project.variables = {
        "FEEDS_ACCEPT_FIRST": 1, "DEST_ONPART_ALLOW_PLAINTEXT": 1,
        "DEST_ONPART_TIMEOUT": 12, "DEST_ONPART_REPLY_TIMEOUT": 12,
        "DEST_ONPART_RETRIES": 0, **to.variables(),
    }  # fmt: skip
    return project


def steadily(entry: dict[str, Any], call: Callable[[], dict[str, Any]]) -> Any:
    """Call again while the answer has the words that may come first."""
    for _ in range(20):
        answer = call()
        if "busy" not in entry or entry["busy"] not in answer["message"]:
            return answer
    raise AssertionError(answer)


def check(place: Path, entry: dict[str, Any], to: Server, file: str) -> Any:
    """Check a server for a feed; names in the message become NAME."""
    place.mkdir(exist_ok=True)
    project = configured(CheckProject(place), to)
    project.meta = {"file": file}

    def once() -> dict[str, Any]:
        report = project.check()
        name = r"partner-feeds-check-[0-9a-f]{12}-\d\.part"
        return {**report, "message": re.sub(name, "NAME", report["message"])}

    report = steadily(entry, once)
    assert report["left"] == []
    return report


def publish(entry: dict[str, Any], project: SampleProject) -> Any:
    """Publish other rows than before; return what is said of the file."""
    project.rows[0]["qty_on_hand"] += 1
    project.later()
    project.write()

    def once() -> dict[str, Any]:
        return {"message": "", **project.publish()["files"][0]}

    return steadily(entry, once)


def deliver(entry: dict[str, Any], project: SampleProject, to: Server) -> str:
    """Deliver other rows than before; return the name of the file, which is whole."""
    file = publish(entry, project)
    assert file["status"] == "delivered", file
    path = to.folder / file["name"]
    wait_for(lambda: sha256_of(path) == file["sha256"], entry.get("seconds", 0))
    return str(file["name"])


def wait_for(stored: Callable[[], bool], seconds: float) -> None:
    """Wait until a file is stored; most servers have it at once."""
    end = time.monotonic() + seconds
    while not stored():
        assert time.monotonic() < end, "not stored"
        time.sleep(0.1)


@pytest.mark.long
@each_server
def test_the_check_says_what_the_table_says(
    entry: dict[str, Any], to: Server, tmp_path: Path
) -> None:
    if not to.options.read_only:
        to.lay(NAME, OLD)
    before = to.names()
    report = check(tmp_path / "one name", entry, to, NAME)
    verdict = "ready" if entry["verdict"] == "ready" else "not acceptable"
    assert (report["verdict"], report["message"]) == (verdict, entry.get("message", ""))
    if entry["verdict"] == "new names":
        report = check(tmp_path / "new names", entry, to, NEW_NAME)
        assert (report["verdict"], report["message"]) == ("ready", "")
    assert report["facts"].get("mode") == entry.get("mode")
    assert to.names() == before


@pytest.mark.long
@each_server
def test_two_deliveries_arrive_or_are_refused(
    entry: dict[str, Any], to: Server, project: SampleProject
) -> None:
    if not to.options.read_only:
        to.lay(NAME, OLD)
    before = to.names()
    if entry["verdict"] != "ready":
        assert publish(entry, project)["status"] == "refused"
        assert to.names() == before
        assert all((to.folder / name).read_bytes() == OLD for name in before)
    if entry["verdict"] == "refused":
        return
    if entry["verdict"] == "new names":
        project.meta["file"] = NEW_NAME
    for _ in range(2):
        before = sorted({*before, deliver(entry, project, to)})
        assert to.names() == before


@pytest.mark.long
@each_server
def test_a_mode_is_set_or_refused(
    entry: dict[str, Any], to: Server, tmp_path: Path
) -> None:
    if entry["verdict"] == "refused":
        assert "mode" not in entry
        return
    source = tmp_path / "source"
    source.write_bytes(OLD)

    def once() -> dict[str, Any]:
        try:
            with opened(to) as connection:
                connection.put(source, NAME, ignore)
                ensure_mode(connection, NAME, "0664")
        except (Refused, Temporary) as error:
            return {"message": str(error)}
        return {"message": ""}

    message = steadily(entry, once)["message"]
    wait_for((to.folder / NAME).exists, entry.get("seconds", 0))
    mode = f"{(to.folder / NAME).stat().st_mode & 0o7777:04o}"
    expected = "0664" if entry.get("sets_mode", True) else entry["mode"]
    assert (mode, message != "") == (expected, not entry.get("sets_mode", True))


CACHE = [entry for entry in SERVERS if entry.get("seconds")]


@pytest.mark.long
@pytest.mark.parametrize("entry", CACHE, ids=label)
def test_a_write_cache_reports_a_file_before_it_is_stored(
    entry: dict[str, Any], to: Server, project: SampleProject
) -> None:
    to.lay(NAME, OLD)
    assert publish(entry, project)["status"] == "delivered"
    assert (to.folder / NAME).read_bytes() == OLD


def test_the_table_has_every_server_and_the_versions_of_the_locks() -> None:
    assert {entry["kind"] for entry in SERVERS} == {*KINDS, *others.KINDS}
    pypi = (ROOT / "tests/servers/requirements.in").read_text()
    pins = dict(re.findall(r"^([\w-]+)(?:\[.*\])?==([\d.]+)", pypi, re.MULTILINE))
    package = json.loads((ROOT / "tests/servers/package.json").read_text())
    pins |= package["dependencies"]
    for entry in SERVERS:
        if entry["from"] != "Debian":
            assert pins[entry["name"].split()[0].lower()] == entry["version"]
