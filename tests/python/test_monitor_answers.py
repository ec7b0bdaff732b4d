"""Health has its answers from answers.json only while they are of the warehouse."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from built_project import BuiltProject
from delivered_project import DeliveredProject

from store import answers

_HEALTH = (
    "import sys; from monitor.commands.health import command\n"
    "try: command.main(['--json', '--at', sys.argv[1]])\n"
    "finally: print(*sorted({'duckdb', 'pandas'} & {*sys.modules}), file=sys.stderr)\n"
)


@pytest.fixture
def damaged(delivered: DeliveredProject, tmp_path: Path) -> DeliveredProject:
    return delivered.copy(tmp_path / "project")


@pytest.fixture
def answered(damaged: DeliveredProject) -> DeliveredProject:
    """A project whose build wrote its answers."""
    context = damaged.context()
    answers.write(context.place.warehouse, context.limits, context.feeds)
    return damaged


def path(project: DeliveredProject) -> Path:
    """Return the file of the answers."""
    return project.data / "answers.json"


def invent(project: DeliveredProject) -> None:
    """Let the file have another answer than the warehouse."""

    def edit(content: dict[str, Any]) -> None:
        (rows,) = [
            rows
            for query, rows in content["answers"].items()
            if "warehouse.main.builds" in query
        ]
        rows[0]["command"] = "run"

    project.edit("data dir/answers.json", edit)


def test_answers_are_used_while_the_warehouse_is_the_same(
    answered: DeliveredProject,
) -> None:
    assert answered.ids() == set()
    invent(answered)
    assert answered.ids() == {"DBT_UNFINISHED"}


def test_answers_and_warehouse_give_the_same_report_and_only_one_needs_duckdb(
    answered: DeliveredProject,
) -> None:
    def health() -> tuple[dict[str, Any], str]:
        done = subprocess.run(
            [sys.executable, "-c", _HEALTH, answered.now], text=True, check=False,
            capture_output=True, cwd=answered.root, env=environment,
        )  # fmt: skip
        report = json.loads(done.stdout)
        return {**report, "disk_free_bytes": 0}, done.stderr.strip()

    environment = {k: str(v) for k, v in answered.environment().items()}
    environment["PYTHONPATH"] = str(Path(answers.__file__).parents[1])
    report, imported = health()
    assert imported == ""
    path(answered).unlink()
    assert health() == (report, "duckdb")


def _changed_warehouse(project: DeliveredProject) -> None:
    with duckdb.connect(str(project.data / "warehouse.duckdb")) as opened:
        opened.execute("create table another as select 1 as one")


def _change_in_the_log(project: DeliveredProject) -> None:
    (project.data / "warehouse.duckdb.wal").write_bytes(b"")


def _restored_copy(project: DeliveredProject) -> None:
    warehouse = project.data / "warehouse.duckdb"
    content = warehouse.read_bytes()
    warehouse.unlink()
    warehouse.write_bytes(content)


def _rewritten(change: Callable[[str], str]) -> Callable[[DeliveredProject], None]:
    def run(project: DeliveredProject) -> None:
        path(project).write_text(change(path(project).read_text()))

    return run


@pytest.mark.parametrize(
    "change",
    [
        _changed_warehouse,
        _change_in_the_log,
        _restored_copy,
        _rewritten(lambda text: text[:-20]),
        _rewritten(lambda text: text.replace('"format": 1', '"format": 2')),
        _rewritten(lambda text: text.replace('"answers"', '"other"')),
        _rewritten(lambda text: text.replace("built_at", "began_at")),
        _rewritten(lambda text: "null"),
    ],
)
def test_other_answers_are_asked_of_the_warehouse(
    answered: DeliveredProject, change: Callable[[DeliveredProject], None]
) -> None:
    invent(answered)
    change(answered)
    assert answered.ids() == set()


def test_a_missing_table_is_an_answer_too(damaged: DeliveredProject) -> None:
    with duckdb.connect(str(damaged.data / "warehouse.duckdb")) as opened:
        opened.execute("drop table builds")
    context = damaged.context()
    answers.write(context.place.warehouse, context.limits, context.feeds)
    assert damaged.ids() == {"DBT_MISSING"}
    assert None in json.loads(path(damaged).read_text())["answers"].values()


def test_dbt_writes_the_answers_of_what_it_built(built_copy: BuiltProject) -> None:
    words = ("dbt", "--quiet", "run", "--select", "order_terms")
    done = built_copy.run(*words)
    assert done.returncode == 0, done.stdout
    known = answers.read(built_copy.data / "warehouse.duckdb")
    (build,) = known[answers.builds.NEWEST] or ()
    assert build["command"] == "run"
    assert build["ended_at"]
    assert len(known) == 5
    # A command that changes nothing leaves them.
    done = built_copy.run("dbt", "--quiet", "compile", "--select", "order_terms")
    assert done.returncode == 0, done.stdout
    assert answers.read(built_copy.data / "warehouse.duckdb") == known
