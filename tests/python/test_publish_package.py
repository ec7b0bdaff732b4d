"""The package of a run: complete, checkable by others, and the same from the same."""

import csv
import hashlib
import importlib.resources
import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from commands import ROOT
from package_reader import described
from sample_project import COLUMNS, SampleProject

from publish.package.manifest import contract

# The gates themselves are proved elsewhere: here Great Expectations runs in children.


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SampleProject:
    project = SampleProject(tmp_path_factory.mktemp("project"))
    project.rows[0]["description"] = "<script>alert('x')</script> & more"
    project.write()
    (project.root / "requirements.lock").write_text("pinned\n")
    (project.root / "dbt_project.yml").write_text("name: p\nvars: {qty_limit: 9999}\n")
    return project


@pytest.fixture(scope="module")
def package(project: SampleProject) -> Path:
    result = project.publish()
    assert result["files"][0]["status"] == "held"  # a first file
    return Path(result["files"][0]["package"])


@pytest.fixture(scope="module")
def descriptor(package: Path) -> dict[str, Any]:
    (path,) = package.glob("*.manifest.json")
    return json.loads(path.read_bytes())


@pytest.fixture(scope="module")
def statement(package: Path) -> dict[str, Any]:
    return json.loads((package / "gates.json").read_bytes())


def test_nothing_is_missing(package: Path) -> None:
    assert {path.name for path in package.iterdir()} == {
        "DEMO01_inventory_20260115T070000Z.csv",
        "DEMO01_inventory_20260115T070000Z.manifest.json",
        "audit.csv",
        "built_from.json",
        "changes.csv",
        "contract.odcs.yaml",
        "gates.json",
        "gates.html",
        "verify.py",
        "SHA256SUMS",
    }


def test_sha256sum_agrees(package: Path) -> None:
    tool = shutil.which("sha256sum")
    assert tool
    done = subprocess.run([tool, "-c", "SHA256SUMS"], cwd=package, capture_output=True)
    assert (done.returncode, done.stdout.count(b": OK")) == (0, 9)


def test_the_same_input_gives_the_same_package(
    project: SampleProject, package: Path
) -> None:
    before = {path.name: path.read_bytes() for path in package.iterdir()}
    again = Path(project.publish(FEEDS_THREADS=1)["files"][0]["package"])
    assert again == package
    assert {path.name: path.read_bytes() for path in again.iterdir()} == before


def test_frictionless_finds_the_data_as_described(package: Path) -> None:
    assert described(package) == [True, [], [40]]


def test_frictionless_finds_a_key_that_two_rows_share(
    package: Path, tmp_path: Path
) -> None:
    """So that what it finds in order says something of the key."""
    shutil.copytree(package, tmp_path / "package")
    (feed,) = (tmp_path / "package").glob("DEMO01*.csv")
    lines = feed.read_bytes().splitlines(keepends=True)
    feed.write_bytes(b"".join([*lines, lines[-1]]))
    valid, faults, _ = described(tmp_path / "package")
    assert not valid
    assert "primary-key" in {kind for kind, _ in faults}


def test_the_descriptor_keeps_the_published_schema(
    descriptor: dict[str, Any],
) -> None:
    profiles = importlib.resources.files("dplib") / "profiles" / "2.0"
    profile = json.loads((profiles / "datapackage.json").read_text())
    jsonschema.validate(descriptor, profile)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**descriptor, "resources": []}, profile)


def test_the_descriptor_counts_keys_that_look_like_numbers(tmp_path: Path) -> None:
    project = SampleProject(tmp_path)
    for row in project.rows:
        row["gtin"] = None
    for place, key in enumerate(("536227E119", "0012", "12", "1" * 16, "0.5", "5E")):
        project.rows[place + 4]["oem_part_number_key"] = key
    done = project.write().publish(FEEDS_ACCEPT_FIRST=1)
    (manifest,) = Path(done["files"][0]["package"]).glob("*.manifest.json")
    (resource,) = json.loads(manifest.read_text())["resources"]
    assert {name: risk["values"] for name, risk in resource["risks"].items()} == {
        "like_exponents": 1,
        "like_numbers": 2,
    }
    assert resource["risks"]["like_exponents"]["first"] == {
        "key": {column: project.rows[4][column] for column in project.meta["sort"]},
        "column": "oem_part_number_key",
    }


def test_the_descriptor_says_what_a_reader_needs(
    package: Path, descriptor: dict[str, Any]
) -> None:
    (resource,) = descriptor["resources"]
    content = (package / resource["path"]).read_bytes()
    assert resource["bytes"] == len(content)
    assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert (resource["rows"], content.count(b"\n")) == (40, 41)
    with (package / resource["path"]).open(encoding="utf-8", newline="") as lines:
        records = list(csv.DictReader(lines))
    texts = [
        field["name"]
        for field in resource["schema"]["fields"]
        if field["type"] == "string"
    ]
    counted = sum(len(record[name]) for record in records for name in texts)
    assert resource["characters"] == counted > 40 * len(texts)
    fields = resource["schema"]["fields"]
    assert [field["name"] for field in fields] == list(COLUMNS)
    assert fields[0]["description"] == "The supplier_code."
    assert {field["name"]: field["type"] for field in fields}["sell_price"] == "number"
    assert fields[-1] == {
        "name": "updated_at",
        "type": "datetime",
        "format": "%Y-%m-%dT%H:%M:%SZ",
        "description": "The updated_at.",
    }
    key = ["supplier_code", "location_code", "supplier_sku"]
    assert (resource["key"], resource["schema"]["primaryKey"]) == (key, key)


def test_the_run_says_where_it_came_from(descriptor: dict[str, Any]) -> None:
    run = descriptor["run"]
    assert run["run_id"].startswith("20260115T070000Z-")
    assert run["logical_time"] == descriptor["created"] == "2026-01-15T07:00:00Z"
    assert run["environment"] == "dev"
    assert run["thresholds"] == {"qty_limit": 9999}
    assert run["lock_sha256"] == hashlib.sha256(b"pinned\n").hexdigest()
    assert run["dbt"]["invocation_id"] == "inv-1"
    assert run["inputs"][0] == {
        "source": "ordertime",
        "run_id": "20260115T055500Z-abc123",
        "entity": "part_items",
        "rows": 50,
        "sha256": "ab" * 32,
    }
    assert run["counts"] == [
        {"status": "ELIGIBLE", "reason": "OK", "rows": 40},
        {"status": "REVIEW", "reason": "PRICE_ZERO", "rows": 4},
    ]
    assert run["previous_package"] is None
    assert run["files"]["audit"]["rows"] == 44
    assert run["changes"]["added"] == 40


def test_the_manifest_that_stays_lists_every_table(tmp_path: Path) -> None:
    project = SampleProject(tmp_path)
    project.meta["manifest"] = "keep"
    project.meta["changes"] = {"measures": ["qty_on_hand"]}
    project.write().publish(FEEDS_ACCEPT_FIRST=1)
    project.later()
    project.rows[2]["qty_on_hand"] = 3
    package = Path(project.write().publish()["files"][0]["package"])
    (path,) = package.glob("*.manifest.json")
    resources = json.loads(path.read_bytes())["resources"]
    assert [resource["path"] for resource in resources][1:] == [
        "audit.csv",
        "changes.csv",
    ]
    assert described(package) == [True, [], [40, 44, 1]]
    assert {path.suffix for path in project.partner.iterdir()} == {".csv"}
    page = (package / "gates.html").read_text()
    assert "0 added, 0 removed, 1 changed: from 40 to 40 rows" in page
    assert "DEMO01 / MAIN / 100-00002" in page


def test_the_audit_leaves_out_what_the_exposure_says(tmp_path: Path) -> None:
    project = SampleProject(tmp_path)
    first = Path(project.write().publish(FEEDS_ACCEPT_FIRST=1)["files"][0]["package"])
    project.later()
    project.meta["audit_omit"] = ["note"]
    project.rows[2]["qty_on_hand"] = 3
    second = Path(project.write().publish()["files"][0]["package"])
    headers = [
        next(csv.reader((package / "audit.csv").read_text().splitlines()))
        for package in (first, second)
    ]
    assert headers[0] == [*headers[1], "note"]


def test_the_statement_is_of_these_bytes(
    package: Path, statement: dict[str, Any], descriptor: dict[str, Any]
) -> None:
    feed = package / descriptor["resources"][0]["path"]
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"].endswith("/test-result/v0.1")
    digest = hashlib.sha256(feed.read_bytes()).hexdigest()
    assert statement["subject"] == [{"name": feed.name, "digest": {"sha256": digest}}]
    predicate = statement["predicate"]
    assert predicate["result"] == "FAILED"
    assert predicate["failedTests"] == ["RUN_FIRST"]
    assert len(predicate["passedTests"]) == 78
    for check in predicate["checks"]:
        assert {"id", "gate", "verdict", "observed", "limit", "says"} <= check.keys()
        assert len(check["examples"]) <= 3


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "action", "data")]


def test_the_page_stands_alone_and_runs_nothing(package: Path) -> None:
    text = (package / "gates.html").read_text()
    page = _Page()
    page.feed(text)
    assert page.links == []
    assert {"script", "link", "img", "iframe"}.isdisjoint(page.tags)
    assert "http" not in text.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert 'name="viewport"' in text
    assert "Held: 1 of 79 checks closed" in text
    assert "This is the first file: all 40 rows are new" in text


def test_the_page_shows_examples_as_text(tmp_path: Path) -> None:
    project = SampleProject(tmp_path)
    project.rows[2]["brand"] = "<script>alert(1)</script>" + "x" * 60
    result = project.write().publish(FEEDS_ACCEPT_FIRST=1)
    text = (Path(result["files"][0]["package"]) / "gates.html").read_text()
    assert [check["id"] for check in result["files"][0]["held_by"]] == ["brand-length"]
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "100-00002" in text  # the row, by its key


def test_the_contract_is_the_promise_and_nothing_else() -> None:
    from sample_project import META, manifest

    from store import feeds
    from store.feeds import artifacts

    meta = json.loads(json.dumps(META))
    one, two = (
        contract(feeds.read(artifacts.Artifacts(manifest(m)))[0])
        for m in (meta, {**meta, "cadence": "0 7 * * *"})
    )
    assert one == two
    other = {**meta, "dialect": {**meta["dialect"], "newline": "crlf"}}
    actual = feeds.read(artifacts.Artifacts(manifest(other)))[0]
    assert contract(actual) != one


def test_the_project_has_the_suite_of_its_feed() -> None:
    suite = json.loads((ROOT / "tests/expectations/onpart_inventory.json").read_bytes())
    ids = [expectation["meta"]["id"] for expectation in suite["expectations"]]
    assert len(ids) == len(set(ids)) >= 30
    assert all(expectation["meta"]["why"] for expectation in suite["expectations"])
