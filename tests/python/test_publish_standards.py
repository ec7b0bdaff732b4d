"""The data contract and the lineage of a package, by their published schemas."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest
import yaml
from commands import ROOT
from open_data_contract_standard.model import OpenDataContractStandard
from openlineage_schemas import FACETS, faults, unknown_fields
from sample_project import COLUMNS, SampleProject

Json = dict[str, Any]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SampleProject:
    return SampleProject(tmp_path_factory.mktemp("project")).write()


@pytest.fixture(scope="module")
def package(project: SampleProject) -> Path:
    return Path(project.publish()["files"][0]["package"])


@pytest.fixture(scope="module")
def contract(package: Path) -> Json:
    found: Json = yaml.safe_load((package / "contract.odcs.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def lineage(package: Path) -> list[Json]:
    lines = (package / "openlineage.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_the_contract_keeps_the_standard(contract: Json) -> None:
    # Its `json_schema()` calls a function that is deprecated in Python 3.11 and 3.12.
    schema = resources.files("open_data_contract_standard") / "schema.json"
    validator = jsonschema.Draft201909Validator(json.loads(schema.read_bytes()))
    assert [error.message for error in validator.iter_errors(contract)] == []
    for wrong in ({"kind": "Contract"}, {"schema": [{"properties": []}]}):
        assert list(validator.iter_errors({**contract, **wrong}))
    # 3.1.0 asks for it, 3.2.0 no longer.
    assert contract["apiVersion"] == "v3.1.0"
    assert contract["status"] == "active"


def test_a_reader_of_the_standard_knows_every_key_of_the_contract(
    contract: Json, package: Path
) -> None:
    read = OpenDataContractStandard.from_file(str(package / "contract.odcs.yaml"))
    assert yaml.safe_load(read.to_yaml()) == contract


def test_the_contract_is_the_exposure_and_the_model(
    contract: Json, package: Path
) -> None:
    (table,) = contract["schema"]
    assert [field["name"] for field in table["properties"]] == list(COLUMNS)
    fields = {field["name"]: field for field in table["properties"]}
    assert fields["supplier_sku"]["primaryKeyPosition"] == 3
    assert fields["supplier_sku"]["required"] is True
    assert fields["sell_price"]["physicalType"] == "decimal(18,2)"
    assert fields["updated_at"]["logicalType"] == "timestamp"
    assert "required" not in fields["gtin"]
    assert table["quality"][0] == {
        "name": "RUN_MIN_ROWS",
        "type": "library",
        "metric": "rowCount",
        "mustBeGreaterOrEqualTo": 1,
        "severity": "error",
    }
    sla = {level["property"]: level for level in contract["slaProperties"]}
    assert sla["frequency"]["schedule"] == "0 6 * * *"
    assert sla["latency"]["value"] == 24
    (path,) = package.glob("*.manifest.json")
    digest = json.loads(path.read_bytes())["run"]["contract_sha256"]
    assert contract["customProperties"][0]["value"] == digest
    # Every expectation of the suite is in it, at its column or at the table.
    suite = json.loads((ROOT / "tests/expectations/onpart_inventory.json").read_bytes())
    told = [
        *table["quality"],
        *(q for f in fields.values() for q in f.get("quality", ())),
    ]
    ids = {expectation["meta"]["id"] for expectation in suite["expectations"]}
    assert ids <= {quality["name"] for quality in told}


def _facets(event: Json) -> Iterator[tuple[str, Json]]:
    for holder in (event["run"], event["job"]):
        yield from holder.get("facets", {}).items()
    for dataset in (*event.get("inputs", ()), *event.get("outputs", ())):
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from dataset.get(kind, {}).items()


def test_every_event_keeps_the_published_schemas(lineage: list[Json]) -> None:
    seen = set()
    for event in lineage:
        assert faults(event["schemaURL"], event) == []
        for name, facet in _facets(event):
            assert faults(facet["_schemaURL"], facet) == []
            assert unknown_fields(facet["_schemaURL"], facet) == set()
            seen.add(name)
    assert seen == FACETS


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("schema", {"fields": [{"type": "varchar"}]}),
        ("columnLineage", {"fields": {"a": {"inputFields": [{"name": "b"}]}}}),
        ("version", {"datasetVersion": 1}),
        ("outputStatistics", {"rowCount": "40"}),
        ("dataQualityAssertions", {"assertions": [{"assertion": "gate"}]}),
        ("nominalTime", {"nominalStartTime": "2026-01-15 07:00"}),
        ("processing_engine", {"version": None}),
        ("jobType", {"processingType": 1}),
        ("jobType", {"_producer": "partner feeds"}),
    ],
)
def test_a_facet_that_breaks_its_schema_is_seen(
    lineage: list[Json], name: str, wrong: Json
) -> None:
    """Type, required field and format: the schemas are applied, not only read."""
    facet = next(f for event in lineage for n, f in _facets(event) if n == name)
    assert faults(facet["_schemaURL"], {**facet, **wrong})
    assert unknown_fields(facet["_schemaURL"], {**facet, "rowsCount": 1})


@pytest.mark.parametrize(
    "wrong",
    [{"eventTime": "2026-01-15T07:00:00"}, {"eventType": "DONE"}, {"producer": "us"},
     {"run": {"runId": "1"}}],
)  # fmt: skip
def test_an_event_that_breaks_its_schema_is_seen(
    lineage: list[Json], wrong: Json
) -> None:
    assert faults(lineage[0]["schemaURL"], {**lineage[0], **wrong})


def test_every_event_has_what_the_specification_asks(lineage: list[Json]) -> None:
    for event in lineage:
        assert event["producer"].startswith("urn:partner-feeds:")
        assert re.fullmatch(
            r"https://openlineage\.io/spec/2-0-2/OpenLineage\.json#/\$defs/RunEvent",
            event["schemaURL"],
        )
        UUID(event["run"]["runId"])
        assert datetime.fromisoformat(event["eventTime"]).tzinfo
        for name, facet in _facets(event):
            assert facet["_producer"] == event["producer"]
            file, _, definition = facet["_schemaURL"].partition("#/$defs/")
            assert file.startswith("https://openlineage.io/spec/facets/")
            assert file.endswith(f"/{definition}.json")
            assert name.replace("_", "").lower() in definition.lower()


def test_every_run_starts_once_and_ends_once(lineage: list[Json]) -> None:
    states = [(e["job"]["name"], e["eventType"]) for e in lineage]
    assert states == [
        ("extract.ordertime", "START"),
        ("extract.ordertime", "COMPLETE"),
        ("dbt.build.inventory_feed", "START"),
        ("dbt.build.inventory_feed", "COMPLETE"),
        ("publish.onpart_inventory.render", "START"),
        ("publish.onpart_inventory.render", "COMPLETE"),
        ("publish.onpart_inventory.judge", "START"),
        ("publish.onpart_inventory.judge", "FAIL"),  # a first file is held
    ]
    runs = [event["run"]["runId"] for event in lineage]
    assert runs[::2] == runs[1::2]
    assert len(set(runs)) == 4


def test_the_datasets_of_one_run_are_those_of_the_next(
    lineage: list[Json], package: Path
) -> None:
    ended = lineage[1::2]
    outputs = [{(d["namespace"], d["name"]) for d in e["outputs"]} for e in ended]
    inputs = [{(d["namespace"], d["name"]) for d in e["inputs"]} for e in ended]
    assert inputs[1:] == outputs[:-1]
    extract, build, render, judge = ended
    counted = extract["outputs"][0]["outputFacets"]["outputStatistics"]
    assert counted["rowCount"] == 50
    assert build["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 40
    (file,) = render["outputs"]
    path = package / file["name"].rpartition("/")[2]
    statistics = file["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["size"]) == (40, path.stat().st_size)
    fields = file["facets"]["columnLineage"]["fields"]
    written = [field["name"] for field in file["facets"]["schema"]["fields"]]
    assert (sorted(fields), written) == (sorted(COLUMNS), list(COLUMNS))
    assert fields["brand"]["inputFields"][0]["name"] == "main.inventory_feed"
    asked = judge["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert len(asked) == 79
    assert [a["name"] for a in asked if not a["success"]] == ["RUN_FIRST"]
