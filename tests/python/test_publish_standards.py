"""The data contract of a package, by the published schema of its standard."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from commands import ROOT
from open_data_contract_standard.model import OpenDataContractStandard
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
    actual: Json = yaml.safe_load((package / "contract.odcs.yaml").read_text())
    return actual


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
    assert fields["brand"]["logicalTypeOptions"] == {"minLength": 1, "maxLength": 60}
    limits = {"minimum": 0.01, "maximum": 999999.99}
    assert fields["sell_price"]["logicalTypeOptions"] == limits
    assert fields["condition"]["quality"] == [
        {
            "name": "condition-known",
            "type": "library",
            "metric": "invalidValues",
            "arguments": {"validValues": ["NEW"]},
            "mustBe": 0,
            "severity": "error",
        }
    ]
    assert table["quality"] == [
        {
            "name": "RUN_MIN_ROWS",
            "type": "library",
            "metric": "rowCount",
            "mustBeGreaterOrEqualTo": 1,
            "severity": "error",
        }
    ]
    sla = {level["property"]: level for level in contract["slaProperties"]}
    assert sla["frequency"]["schedule"] == "0 6 * * *"
    assert sla["latency"]["value"] == 24
    (path,) = package.glob("*.manifest.json")
    digest = json.loads(path.read_bytes())["run"]["contract_sha256"]
    assert contract["customProperties"][0]["value"] == digest


def test_every_rule_that_has_a_term_of_the_standard_is_in_the_contract(
    contract: Json,
) -> None:
    suite = json.loads((ROOT / "tests/expectations/onpart_inventory.json").read_bytes())
    fields = contract["schema"][0]["properties"]
    options = [f.get("logicalTypeOptions", {}) for f in fields]
    types = [expectation["type"] for expectation in suite["expectations"]]
    for kind, count in (
        ("values_to_not_be_null", sum("required" in f for f in fields)),
        ("values_to_be_in_set", sum("quality" in f for f in fields)),
        ("values_to_be_between", sum("minimum" in each for each in options)),
        ("value_lengths_to_be_between", sum("maxLength" in each for each in options)),
    ):
        assert count == types.count(f"expect_column_{kind}") > 0


def test_the_contract_names_the_file_that_lies_beside_it(
    contract: Json, package: Path
) -> None:
    """`datacontract test` reads `path`, and takes a physicalName for a table."""
    (server,) = contract["servers"]
    assert (server["type"], server["format"]) == ("local", "csv")
    assert (package / server["path"]).is_file()
    assert "physicalName" not in contract["schema"][0]
    assert "limitations" not in contract["description"]


def test_a_dialect_that_no_reader_of_contracts_takes_is_said_to_be_one(
    tmp_path: Path,
) -> None:
    project = SampleProject(tmp_path)
    project.meta["dialect"] |= {"quoting": "all", "escape": "\\", "null_text": "null"}
    (file,) = project.write().publish()["files"]
    text = (Path(file["package"]) / "contract.odcs.yaml").read_text()
    contract = yaml.safe_load(text)
    assert contract["servers"][0]["type"] == "custom"
    limits = contract["description"]["limitations"]
    assert "escape character \\ and the null text 'null'" in limits
    assert "runs no rule of this contract" in limits
