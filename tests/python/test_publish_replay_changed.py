"""A run whose models, seeds, variables or contract have changed since.

It is made again of what it was made of, or what has changed is named and the exit code
is 1. Nothing in the data directory, in dbt's target or its logs is written to. The real
commands, in a repository of their own.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from committed_project import CommittedProject, commit, commit_and_run, git, tree
from conftest import spoil

MART = "models/marts/inventory_feed.sql"
PRICED = ("sell_price,", "sell_price + 1 as sell_price,")
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> CommittedProject:
    """A project with one run, which every test finds with the code that made it."""
    return commit_and_run(tmp_path_factory.mktemp("project"))


@pytest.fixture
def project(made: CommittedProject) -> Iterator[CommittedProject]:
    kept = ("data dir", "target", "logs")
    before = [tree(made.folder / name) for name in kept]
    yield made
    assert [tree(made.folder / name) for name in kept] == before
    git(made.root, "checkout", "--quiet", ".")
    git(made.root, "clean", "--quiet", "-fd")


def test_an_edited_checkout_is_no_matter_where_git_has_the_code(
    project: CommittedProject,
) -> None:
    spoil(project.root / MART, *PRICED)
    spoil(project.root / "seeds/location_map.csv", "MAIN", "FIRST")
    exit_code, said, log = project.replay()
    assert (exit_code, said["identical"]) == (0, True), said
    assert f"replay with the code of commit={project.commit}" in log


def test_each_thing_that_changed_is_named(project: CommittedProject) -> None:
    """A model, a seed, a macro, a variable and the contract, without git's help."""
    spoil(project.root / MART, *PRICED)
    spoil(project.root / "seeds/location_map.csv", "MAIN", "FIRST")
    (project.root / "macros/other.sql").write_text("{% macro other() %}{% endmacro %}")
    spoil(project.root / "dbt_project.yml", "qty_limit: 9999",
          "qty_limit: 9999\n  other_limit: 3")  # fmt: skip
    spoil(project.root / "models/marts/_marts__models.yml",
          "The code the partner issued to us", "Our code")  # fmt: skip
    git_folder = project.root / ".git"
    hidden = git_folder.rename(project.folder / "hidden")
    try:
        exit_code, said, log = project.replay()
    finally:
        hidden.rename(git_folder)
    assert (exit_code, said["status"], said["identical"]) == (1, "refused", False)
    assert said["made_of"] == [
        "the contract: columns, types, key, order or dialect (contract_sha256)",
        "what dbt built from: macros, model.inventory_feed, seed.location_map",
        "variables of dbt (thresholds): other_limit",
    ]
    assert f"{project.commit} made it, unknown makes it again" in log
    assert "the variable other_limit came after the run; it is 3" in log
    differs = [file["name"] for file in said["files"] if not file["identical"]]
    assert differs[0].endswith(".csv")
    assert "audit.csv" in differs


@pytest.mark.long
@pytest.mark.parametrize("line", ["qty_limit: 1", "# none"], ids=["other", "gone"])
def test_a_variable_is_that_of_the_run(project: CommittedProject, line: str) -> None:
    spoil(project.root / "dbt_project.yml", "qty_limit: 9999", line)
    exit_code, said, _ = project.replay("--here")
    assert (exit_code, said["identical"]) == (0, True), said
    here = "is 1" if line == "qty_limit: 1" else "is not declared"
    note = f"the variable qty_limit {here} here; the run had 9999, which is used"
    assert note in said["notes"]


def _without(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def _spoilt(name: str, *words: str) -> Callable[[Path], None]:
    return lambda root: spoil(root / name, *words)


@pytest.mark.parametrize(
    ("change", "changed", "why"),
    [
        pytest.param(
            _without(MART), "model.inventory_feed (gone)", "dbt ended with 2",
            id="model gone",
        ),
        pytest.param(
            _without("seeds/location_map.csv"), "seed.location_map (gone)",
            "dbt ended with 2", id="seed gone", marks=pytest.mark.long,
        ),
        pytest.param(
            _spoilt("models/marts/_marts__exposures.yml", "name: onpart_inventory",
                    "name: onpart_stock"),
            "exposure.onpart_inventory (gone)", "dbt ended with 2",
            id="exposure gone", marks=pytest.mark.long,
        ),
        pytest.param(
            _spoilt("models/marts/_marts__exposures.yml", "cadence: \"0 6 * * *\"",
                    "cadence: daily"),
            "an exposure (exposure onpart_inventory, field cadence: expected text",
            "no file is declared", id="exposure wrong", marks=pytest.mark.long,
        ),
        pytest.param(
            _spoilt(MART, "sell_price,", "sell_prize,"),
            "model.inventory_feed (changed)", "there is no inventory_feed; model.inv",
            id="model breaks", marks=pytest.mark.long,
        ),
        pytest.param(
            _spoilt("seeds/location_map.csv", "location_name", "place_name"),
            "seed.location_map (changed)", "there is no inventory_audit, no inventory_",
            id="seed breaks",
        ),
        pytest.param(
            _spoilt("models/marts/_marts__models.yml", "data_type: varchar",
                    "data_type: integer"),
            "the contract (columns, types, key, order or dialect)",
            "This model has an enforced contract that failed", id="contract breaks",
            marks=pytest.mark.long,
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_built_any_more_is_refused_by_name(
    project: CommittedProject, change: Callable[[Path], None], changed: str, why: str
) -> None:
    change(project.root)
    exit_code, said, _ = project.replay("--here")
    assert (exit_code, said["status"]) == (1, "refused")
    message = said["message"]
    assert f"Changed since the run: {changed}" in message
    assert why in message
    assert f"the code that made it alone, {project.commit}. Without --here" in message


@pytest.mark.long
def test_code_that_was_edited_for_the_run_and_again_since_is_told_apart(
    tmp_path: Path,
) -> None:
    """Both are edits of one commit, which git tells by the same name."""
    project = CommittedProject(tmp_path, commit=commit(tmp_path / "project"))
    spoil(project.root / MART, "sell_price,", "sell_price, -- edited")
    project.night()
    (manifest,) = project.package.glob("*.manifest.json")
    recorded = json.loads(manifest.read_bytes())["run"]["code_commit"]
    assert recorded == f"{project.commit}-dirty"
    exit_code, said, log = project.replay()
    assert (exit_code, said["identical"]) == (0, True), said
    assert "the run was made by edited code" in log

    spoil(project.root / MART, "-- edited", "-- edited again")
    exit_code, said, _ = project.replay()
    assert exit_code == 1
    assert said["made_of"] == ["what dbt built from: model.inventory_feed"]

    (project.root / MART).unlink()
    exit_code, said, _ = project.replay()
    assert exit_code == 1
    assert re.search(r"run: model.inventory_feed \(gone\)\.", said["message"])
    assert "That code was edited: only where it was kept" in said["message"]
