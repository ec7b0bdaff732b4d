"""Names from the source reach no path, pattern, URL or connection string unescaped."""

import csv
from pathlib import Path

import pytest
from sample_project import SampleProject

PLANTED = "planted-7f3a"
# Great Expectations fills in $NAME and ${NAME}, SQLAlchemy decodes %hh, DuckDB takes
# ? * [ ] for patterns and a=b for a partition, dbt renders braces.
HOSTILE = (
    "A$PLANTED",
    "B${PLANTED}",
    "C%24PLANTED%00",
    "D?access_mode=read_write&x=1",
    "E[0-9]*",
    "F=G",
    "H'; select getenv('PLANTED'); --",
    'I"J',
    "K{{ env_var('PLANTED') }}",
    "L$(echo $PLANTED)`id`",
    "M#N;O",
    "\N{BLACK STAR} \N{RIGHT-TO-LEFT OVERRIDE}",
)


def split_project(folder: Path) -> SampleProject:
    """Return a project whose feed has one file for each location."""
    project = SampleProject(folder, {"PLANTED": PLANTED, "FEEDS_ACCEPT_FIRST": 1})
    project.meta["guards"] = {}
    project.meta.update(split_by="location_code", file="{split}_stock_{timestamp}.csv")
    for row, location in zip(project.rows, [*HOSTILE, "MAIN"] * 3, strict=False):
        row["location_code"] = location
    project.rows = project.rows[: 3 * len([*HOSTILE, "MAIN"])]
    return project.quick()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SampleProject:
    return split_project(tmp_path_factory.mktemp("hostile"))


def test_hostile_names_are_delivered_and_reveal_nothing(project: SampleProject) -> None:
    done = project.run("publish", "--at", project.at)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PLANTED not in done.stdout + done.stderr
    files = {path.name for path in project.partner.glob("*.csv")}
    time = "20260115T070000Z"
    assert files == {f"{name}_stock_{time}.csv" for name in [*HOSTILE, "MAIN"]}
    for path in project.partner.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        assert [row["location_code"] for row in rows] == [
            path.name.split("_stock")[0]
        ] * 3
    for path in project.folder.rglob("*"):
        assert PLANTED not in path.name
        assert not path.is_file() or PLANTED.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    "words",
    [("publish", "status"), ("monitor", "health")],
)
def test_no_command_reveals_a_variable(
    project: SampleProject, words: tuple[str, ...]
) -> None:
    done = project.run(*words)
    assert done.returncode in (0, 1), done.stderr
    assert PLANTED not in done.stdout + done.stderr
    assert "This is a bug" not in done.stderr


def test_a_data_directory_may_have_such_a_name(tmp_path: Path) -> None:
    project = split_project(tmp_path / "$PLANTED 100%25 a=b")
    done = project.run("publish", "--at", project.at)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PLANTED not in done.stdout + done.stderr
