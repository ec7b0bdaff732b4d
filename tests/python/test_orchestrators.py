"""The examples for Airflow and Dagster, run by both in environments of their own.

Each runs whole nights: `make orchestrators`.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commands import ROOT
from scheduled import FOLDER, delivered, make_home, settings, sources

pytestmark = pytest.mark.long
NAMES = ("dagster", "airflow")


@pytest.fixture(params=NAMES)
def orchestrator(request: pytest.FixtureRequest) -> str:
    """Its name; without its environment the test is skipped."""
    if (ROOT / ".venv" / request.param / ".ready").exists():
        return request.param
    reason = f"{request.param} is not installed: make orchestrators"
    if os.environ.get("FEEDS_REQUIRE_ORCHESTRATORS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with what the image has, and no more."""
    return make_home(tmp_path / "partner-feeds")


def night(orchestrator: str, home: Path, **variables: object) -> dict[str, Any]:
    """Run a night in another folder than the project; return what it wrote."""
    environment = settings(
        home,
        PARTNER_FEEDS=home,
        DAGSTER_HOME=home,
        AIRFLOW_HOME=home / "airflow",
        AIRFLOW__CORE__DAGS_FOLDER=FOLDER,
        AIRFLOW__CORE__LOAD_EXAMPLES=False,
        **variables,
    )
    programs = ROOT / ".venv" / orchestrator / "bin"
    if orchestrator == "airflow":
        words = (programs / "airflow", "db", "migrate")
        subprocess.run(words, env=environment, capture_output=True, check=True)
    script = ROOT / f"tests/orchestrators/{orchestrator}_night.py"
    done = subprocess.run(
        (programs / "python", script, FOLDER, home / "result.json"),
        cwd=home.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads((home / "result.json").read_text())
    return result


def tries(orchestrator: str, result: dict[str, Any]) -> dict[str, int]:
    """Return how often each step was run, of those that were."""
    if orchestrator == "airflow":
        return {name: number for name, (_, number) in result["tasks"].items() if number}
    names = (
        result["STEP_UP_FOR_RETRY"] + result["STEP_SUCCESS"] + result["STEP_FAILURE"]
    )
    return {name: names.count(name) for name in names}


def alerts(home: Path) -> str:
    """Return what `monitor alert` sent."""
    path = home / "alerts.json"
    return path.read_text() if path.exists() else ""


STEPS = {
    "airflow": ("extract", "build", "publish", "alert"),
    "dagster": ("landed", "built", "files"),
}


def test_75_is_tried_again_and_nothing_is_published_after_a_failed_build(
    orchestrator: str, home: Path
) -> None:
    (home / "profiles.yml").unlink()  # so dbt cannot build
    with sources("1-2:503") as variables:
        result = night(orchestrator, home, **variables)
    extract, build, *_ = STEPS[orchestrator]
    assert not result["success"]
    assert tries(orchestrator, result) == {extract: 3, build: 1}
    assert not (home / "data/ledger.jsonl").exists()
    assert "DBT_MISSING" in alerts(home)


def test_a_held_file_is_not_tried_again_and_an_approved_one_is_delivered(
    orchestrator: str, home: Path
) -> None:
    extract, build, publish, *last = STEPS[orchestrator]
    with sources() as variables:
        # The first file of a feed waits for a person: exit code 1.
        held = night(orchestrator, home, **variables)
        assert not held["success"]
        assert tries(orchestrator, held) == {extract: 1, build: 1, publish: 1}
        assert delivered(home) == []
        assert "FILE_HELD" in alerts(home)
        done = night(orchestrator, home, **variables, FEEDS_ACCEPT_FIRST=1)
    assert done["success"]
    steps = (extract, build, publish, *last)
    assert tries(orchestrator, done) == dict.fromkeys(steps, 1)
    assert len(delivered(home)) == 5
    assert "all-clear" in alerts(home)
    if orchestrator == "airflow":
        assert done["max_active_runs"] == 1
        return
    assert held["files"] == {}
    files = [each for several in done["files"].values() for each in several]
    assert sorted(each["name"] for each in files) == delivered(home)
    for each in files:
        assert each["rows"] > 0
        assert re.fullmatch(r"(\d+)/\1", each["gates"])
        assert Path(each["page"]).is_file()


def test_dagster_starts_one_run_at_a_time_at_eight(
    orchestrator: str, home: Path
) -> None:
    if orchestrator != "dagster":
        pytest.skip("Airflow has max_active_runs")
    result = night(orchestrator, home)
    assert result["schedule"] == ["0 8 * * *", "UTC"]
    assert (result["requests"], result["while_busy"]) == (1, 0)
    assert result["skipped"] == "the run before still lasts"
