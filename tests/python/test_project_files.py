"""Will dbt still accept our files tomorrow, and does a stranger find his way?

dbt-core checks YAML against its own schemas only for some warehouses, and DuckDB is
none of them: a clean log proves little, so the check is made here.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from built_project import BuiltProject
from commands import ROOT
from conftest import Command
from dbt.jsonschemas.jsonschemas import (
    CustomDraft7Validator,
    project_schema,
    resources_schema,
)

FOLDERS = ("models", "seeds", "macros", "tests")
RESOURCES = sorted(
    file for folder in FOLDERS for file in (ROOT / folder).rglob("*.yml")
)


def named(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def unversioned(document: dict) -> dict:
    """The document with each version as a model of its own.

    dbt's schema wants an object where a version has, as dbt documents it, a text
    (description) or a list (columns); as a model all of it is checked.
    """
    models = []
    for model in document.get("models", []):
        versions = model.get("versions", [])
        models.append({**model, "versions": [{"v": each["v"]} for each in versions]})
        for each in versions:
            rest = {word: value for word, value in each.items() if word != "v"}
            models.append({"name": f"{model['name']}_v{each['v']}", **rest})
    return {**document, **({"models": models} if models else {})}


def faults(document: dict) -> list[str]:
    errors = CustomDraft7Validator(resources_schema()).iter_errors(
        unversioned(document)
    )
    return [f"{list(error.path)}: {error.message}" for error in errors]


def resources(kind: str) -> Iterator[dict]:
    for file in RESOURCES:
        yield from yaml.safe_load(file.read_text()).get(kind, [])


def tables() -> Iterator[tuple[str, dict]]:
    """Every model, or each of its versions, under the name of its file."""
    for model in resources("models"):
        for version in model.get("versions", []):
            yield f"{model['name']}_v{version['v']}", {**model, **version}
        if not model.get("versions"):
            yield model["name"], model


def test_the_project_file_is_valid_for_dbt_v2():
    document = yaml.safe_load((ROOT / "dbt_project.yml").read_text())
    assert not list(CustomDraft7Validator(project_schema()).iter_errors(document))


@pytest.mark.parametrize("file", RESOURCES, ids=named)
def test_every_yaml_is_valid_for_dbt_v2(file: Path):
    assert faults(yaml.safe_load(file.read_text())) == []


@pytest.mark.parametrize(
    "document",
    [
        {"models": [{"name": "m", "meta": {"owner": "nobody"}}]},
        {"models": [{"name": "m", "config": {"colour": "blue"}}]},
        {"models": [{"name": "m", "versions": [{"v": 1, "columns": [{"nam": "c"}]}]}]},
        {"feeds": [{"name": "f"}]},
    ],
    ids=["misplaced meta", "home-made config", "version", "home-made top level"],
)
def test_the_check_sees_what_dbt_v2_refuses(document: dict):
    assert faults(document)


def test_the_project_parses_without_a_warning(command: Command, tmp_path: Path):
    ran = command(
        *("dbt", "parse", "--no-partial-parse", "--show-all-deprecations"),
        env={"DBT_TARGET_PATH": tmp_path, "DBT_LOG_PATH": tmp_path},
    )
    assert ran.returncode == 0, ran.stdout
    assert not re.search("warn|deprecat", ran.stdout, re.IGNORECASE), ran.stdout


def test_every_model_says_what_one_row_is():
    described = {name: model["description"] for name, model in tables()}
    written = {file.stem for file in (ROOT / "models").rglob("*.sql")}
    assert set(described) == written
    for name, description in described.items():
        assert description.startswith("One row per "), name


def test_every_column_of_a_mart_is_described():
    marts = {file.stem for file in (ROOT / "models/marts").glob("*.sql")}
    for name, model in tables():
        if name in marts:
            for column in model["columns"]:
                assert column.get("description"), (name, column["name"])


def test_every_macro_is_described_with_its_arguments():
    described = {
        macro["name"]: [each["name"] for each in macro.get("arguments", [])]
        for macro in resources("macros")
    }
    written = {}
    for file in (ROOT / "macros").glob("*.sql"):
        for name, words in re.findall(r"{% macro (\w+)\((.*?)\)", file.read_text()):
            if "__" not in name and name != "retyped":
                arguments = [word.split("=")[0].strip() for word in words.split(",")]
                written[name] = [each for each in arguments if each]
    assert described == written


def test_the_columns_from_custom_fields_are_plain_yaml():
    """`extract` reads this list without dbt."""
    file = ROOT / "models/staging/ordertime/_ordertime__sources.yml"
    (source,) = yaml.safe_load(file.read_text())["sources"]
    (items,) = [t for t in source["tables"] if t["name"] == "part_items"]
    fields = {
        column["name"]: column["config"]["meta"]["custom_field"]
        for column in items["columns"]
        if column["name"].startswith("cf_")
    }
    assert fields["cf_part_type"] == "Part Type"
    assert all(isinstance(field, str) and field for field in fields.values())
    assert len(set(fields.values())) == len(fields) == 12


def test_every_code_is_the_answer_of_a_unit_test():
    """A rule without a row that shows it is a rule nobody has seen."""
    answers = {
        code
        for test in resources("unit_tests")
        for row in test["expect"]["rows"]
        for value in row.values()
        if isinstance(value, str)
        for code in value.split("|")
    }
    # That an eligible row is OK_<its type> is one rule, shown on two types.
    shown = answers | {"OK_OEM", "OK_OD"}
    seeds = ("reason_codes", "warning_codes")
    for seed in (*seeds, *(f"order_{seed}" for seed in seeds)):
        lines = (ROOT / f"seeds/{seed}.csv").read_text().splitlines()[1:]
        assert {line.split(",")[0] for line in lines} <= shown


def test_dbt_says_that_an_extract_is_old(built_copy: BuiltProject) -> None:
    done = built_copy.run("dbt", "--no-use-colors", "source", "freshness")
    assert done.returncode == 1
    assert done.stdout.count("ERROR STALE in") == 7, done.stdout
