"""A run whose models, seeds, variables or contract have changed since.

It is made again, or the exit code is 1, and the files that differ or the words of dbt
are shown. Nothing in the data directory, in dbt's target or its logs is written to. The
real commands, in a repository of their own.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from committed_project import CommittedProject, commit, commit_and_run, git, tree
from compiled_project import Compiled
from conftest import spoil

MART = "models/marts/inventory_feed.sql"
PRICED = ("sell_price,", "sell_price + 1 as sell_price,")
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def created(
    compiled_project: Compiled, tmp_path_factory: pytest.TempPathFactory
) -> CommittedProject:
    """A project with one run, which every test finds with the code that made it."""
    return commit_and_run(tmp_path_factory.mktemp("project"), compiled_project)


@pytest.fixture
def project(created: CommittedProject) -> Iterator[CommittedProject]:
    remaining = ("data dir", "target", "logs")
    before = [tree(created.folder / name) for name in remaining]
    yield created
    assert [tree(created.folder / name) for name in remaining] == before
    git(created.root, "checkout", "--quiet", ".")
    git(created.root, "clean", "--quiet", "-fd")


@pytest.mark.long
def test_an_edited_checkout_is_no_matter_where_git_has_the_code(
    project: CommittedProject,
) -> None:
    spoil(project.root / MART, *PRICED)
    spoil(project.root / "seeds/location_map.csv", "MAIN", "FIRST")
    exit_code, result, log = project.replay()
    assert (exit_code, result["identical"]) == (0, True), result
    assert f"replay with the code of the run commit={project.commit}" in log


@pytest.mark.long
def test_the_files_that_differ_are_named(project: CommittedProject) -> None:
    """Without git's help, the code in the folder makes the package."""
    spoil(project.root / MART, *PRICED)
    git_folder = project.root / ".git"
    hidden = git_folder.rename(project.folder / "hidden")
    try:
        exit_code, result, log = project.replay()
    finally:
        hidden.rename(git_folder)
    assert (exit_code, result["status"], result["identical"]) == (1, "refused", False)
    assert f"other code run_commit={project.commit} because=git" in log
    differing = [file["name"] for file in result["files"] if not file["identical"]]
    assert differing[0].endswith(".csv")
    assert {"built_from.json", "SHA256SUMS"} <= {*differing}
    assert "audit.csv" not in differing


@pytest.mark.long
@pytest.mark.parametrize("line", ["qty_limit: 1", "# none"], ids=["other", "gone"])
def test_a_variable_is_that_of_the_run(project: CommittedProject, line: str) -> None:
    spoil(project.root / "dbt_project.yml", "qty_limit: 9999", line)
    exit_code, result, _ = project.replay("--here")
    assert (exit_code, result["identical"]) == (0, True), result


def _without(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def _spoilt(name: str, *words: str) -> Callable[[Path], None]:
    return lambda root: spoil(root / name, *words)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(
            _without(MART), "inventory_feed", id="model gone", marks=pytest.mark.long
        ),
        pytest.param(
            _spoilt("models/marts/_marts__exposures.yml", "name: onpart_inventory",
                    "name: onpart_stock"),
            "onpart_inventory", id="exposure gone", marks=pytest.mark.long,
        ),
        pytest.param(
            _spoilt(MART, "sell_price,", "sell_prize,"),
            "sell_prize", id="model breaks", marks=pytest.mark.long,
        ),
        pytest.param(
            _spoilt("seeds/location_map.csv", "location_name", "place_name"),
            "expected inventory_audit and inventory_feed in", id="seed breaks",
            marks=pytest.mark.long,
        ),
        pytest.param(
            _spoilt("models/marts/_marts__models.yml", "data_type: string",
                    "data_type: integer"),
            "convert string", id="contract breaks",
            marks=pytest.mark.long,
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_built_any_more_is_refused(
    project: CommittedProject, change: Callable[[Path], None], why: str
) -> None:
    change(project.root)
    exit_code, result, _ = project.replay("--here")
    assert (exit_code, result["status"]) == (1, "refused")
    assert why in result["message"]


@pytest.mark.long
def test_an_exposure_that_is_wrong_by_now_is_named(project: CommittedProject) -> None:
    exposures = project.root / "models/marts/_marts__exposures.yml"
    spoil(exposures, 'cadence: "0 6 * * *"', "cadence: daily")
    exit_code, result, _ = project.replay("--here")
    assert exit_code == 2, result
    assert "exposure onpart_inventory, field cadence" in result["message"]


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
    exit_code, result, _ = project.replay()
    assert (exit_code, result["identical"]) == (0, True), result

    spoil(project.root / MART, "-- edited", "-- edited again")
    exit_code, result, _ = project.replay()
    assert exit_code == 1
    differing = [file["name"] for file in result["files"] if not file["identical"]]
    assert differing == ["SHA256SUMS", "built_from.json"]
