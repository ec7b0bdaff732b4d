"""Fixtures that all tests share."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import commands
import duckdb
import pytest
from built_project import built, built_copy, reported  # noqa: F401
from commands import ROOT
from compiled_project import NO_UNIT_TESTS, compiled_project, quick_build  # noqa: F401
from delivered_project import delivered  # noqa: F401
from order_project import order_project, order_server, order_template  # noqa: F401
from servers.fixtures import server  # noqa: F401

Command = Callable[..., subprocess.CompletedProcess[str]]
PROJECT = ("dbt_project.yml", "profiles.yml", "models", "seeds", "macros", "tests")
Build = Callable[..., tuple[int, str]]


# Files that take minutes. One that began last would be waited for by all workers.
_SLOW = (
    *("test_spark_build", "test_spark_macros", "test_hostile_names", "test_upgrade"),
    *("test_warehouse_lock", "test_orders_nights", "test_histories", "test_faults"),
    *("test_decisions_agree", "test_builds", "test_models_build", "test_consumer"),
    *("test_publish_replay_changed", "test_mart", "test_shortcuts"),
    "test_orders_three_nights",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the cases that CI leaves out as long, and begin with the slow files."""
    for _, cases in groupby(items, key=lambda item: (item.path, item.function)):
        _sample([*cases])
    places = {name: place for place, name in enumerate(_SLOW)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


def _sample(cases: list[pytest.Item]) -> None:
    """Keep as many cases as `sample` says, from the first to the last one evenly."""
    mark = cases[0].get_closest_marker("sample")
    if mark is None:
        return
    (size,) = mark.args
    step = (len(cases) - 1) / max(1, size - 1)
    in_ci = {round(number * step) for number in range(size)}
    for number, case in enumerate(cases):
        if number not in in_ci:
            case.add_marker(pytest.mark.long)


@pytest.fixture
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def _state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Locks of destinations are part of the user's state; tests use another folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory of the test, with a space in its path."""
    return tmp_path / "data dir"


@pytest.fixture
def command() -> Command:
    """The runner of commands; see `commands.run`."""
    return commands.run


@pytest.fixture
def build(command: Command, data: Path, tmp_path: Path) -> Build:
    """Run `dbt build`; return the exit code and the output.

    Unit tests run only if `units` is set: they do not read the landing.
    """

    def run(
        *words: str, project: Path = ROOT, units: bool = False, **variables: object
    ) -> tuple[int, str]:
        rest = () if units else NO_UNIT_TESTS
        ran = command(
            *("dbt", "--no-use-colors", "build", *words, *rest),
            env={
                "FEEDS_DATA": data,
                "DBT_TARGET_PATH": tmp_path / "target",
                "DBT_LOG_PATH": tmp_path / "logs",
                **variables,
            },
            cwd=project,
        )
        return ran.returncode, ran.stdout + ran.stderr

    return run


@pytest.fixture
def query(data: Path) -> Callable[[str], list[tuple]]:
    """Query the warehouse."""

    def ask(sql: str) -> list[tuple]:
        with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as opened:
            return opened.execute(sql).fetchall()

    return ask


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, to be changed."""
    for name in PROJECT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (tmp_path / "project").mkdir(exist_ok=True)
        copy(ROOT / name, tmp_path / "project" / name)
    return tmp_path / "project"


def spoil(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
