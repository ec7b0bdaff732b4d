"""A damaged JSON file of the data directory is named, with its field; never a bug."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from delivered_project import DeliveredProject

from monitor.alerts.state import State
from monitor.alerts.state import check as alerts
from monitor.drift.newest import check as drift
from monitor.drift.source import check as source_drift
from monitor.health import destinations, machine, sources
from publish.transport.accepted import Accepted
from publish.transport.accepted import read as read_trust
from runtime import formats
from runtime.exits import Stop
from runtime.files import DamagedError
from store import copies
from store.package import Package


@pytest.fixture
def project(delivered: DeliveredProject, tmp_path: Path) -> DeliveredProject:
    return delivered.copy(tmp_path / "project")


def damages(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every field, of the first element of each list."""
    keys: Any = value if isinstance(value, dict) else range(min(len(value), 1))
    for key in keys:
        yield (*path, key)
        if isinstance(value[key], dict | list):
            yield from damages(value[key], (*path, key))


def damaged_texts(content: Any) -> Iterator[str]:
    """Yield a file with each field dropped, null, and of another type."""
    yield from ("", "{", "[]", "null", "7")
    for *parents, last in damages(content):
        for change in (None, ["x"], ...):
            copy = deepcopy(content)
            parent = copy
            for key in parents:
                parent = parent[key]
            if change is ...:
                del parent[last]
            else:
                parent[last] = change
            yield json.dumps(copy)


def test_a_damaged_extract_is_one_finding_that_names_file_and_field(
    project: DeliveredProject,
):
    path = project.data / "landing/current/ordertime/extract.json"
    before = project.health()
    content = json.loads(path.read_text())
    del content["entities"]["part_items"]["rows"]
    path.write_text(json.dumps(content))
    (finding,) = {*project.health().findings} - {*before.findings}
    assert (finding.id, finding.about) == ("CANNOT_TELL", "ordertime")
    assert f"{path}: Object missing required field `rows`" in finding.message
    for text in damaged_texts(json.loads(path.read_text())):
        path.write_text(text)
        sources.check(project.context())  # any exception would be a bug


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("checks/onpart.json", destinations.check),
        ("backup.json", machine.check),
        ("alerts/state.json", alerts),
        ("profiles/_landing/ordertime/*.json", source_drift),
        ("profiles/onpart_inventory/*.json", drift),
    ],
)
def test_a_check_names_a_damaged_file(project: DeliveredProject, name: str, check: Any):
    project.checked()
    formats.write("backup", project.data / copies.MARKER, {"at": "2026-01-15"})
    state = State(project.data / "alerts/state.json")
    state.update(project.health().findings, frozenset(), project.context().at)
    state.write()
    (path,) = project.data.glob(name)
    for text in damaged_texts(first_columns(json.loads(path.read_text()))):
        path.write_text(text)
        try:
            check(project.context())
        except Stop as error:
            assert str(path) in str(error)


def first_columns(content: Any) -> Any:
    """Return a profile with one column only: all columns are alike."""
    if "columns" in content:
        content["columns"] = dict([*content["columns"].items()][:1])
    return content


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("*.manifest.json", lambda package: package.manifest),
        ("gates.json", lambda package: package.gates),
        ("receipt.json", lambda package: package.receipt),
    ],
)
def test_a_damaged_file_of_a_package_is_read_as_it_was_or_refused_by_name(
    project: DeliveredProject, name: str, read: Any
):
    (path,) = project.package.glob(name)
    refused = 0
    for text in damaged_texts(json.loads(path.read_text())):
        path.write_text(text)
        try:
            read(Package(project.package))
        except DamagedError as error:
            refused += 1
            assert str(path) in str(error)
        except Stop as error:  # the version of its format
            assert str(path) in str(error)
    assert refused > 5


def test_a_damaged_trust_is_refused_by_name(tmp_path: Path):
    accepted = Accepted("certificate", "a", "b", "c", (), "d", "e", "f")
    accepted.write(tmp_path, "onpart")
    path = tmp_path / "trust/onpart.json"
    for text in damaged_texts(json.loads(path.read_text())):
        path.write_text(text)
        try:
            read_trust(tmp_path, "onpart")
        except Stop as error:
            assert str(path) in str(error)
