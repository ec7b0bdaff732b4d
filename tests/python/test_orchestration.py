"""The examples of orchestration/: checked by the schedulers' own tools, and run.

`make orchestrators` runs those of Airflow and Dagster.
"""

import datetime as dt
import os
import re
import shutil
import signal
import subprocess
import time
import tomllib
from pathlib import Path

import psutil
import pytest
import yaml
from commands import ROOT
from cronsim import CronSim
from scheduled import COPIED, FOLDER, delivered, make_home, settings, sources

HOME = "/srv/partner-feeds"  # in all examples
# What `make .venv/linters/.ready` makes.
LINTERS = ROOT / ".venv/linters/bin"
NIGHT, ALERT = (
    line.split(maxsplit=5)
    for line in (FOLDER / "crontab").read_text().splitlines()
    if re.match(r"[\d*]", line)
)


def check(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a tool that checks a file; skip the test if it is not installed."""
    command = [str(word) for word in words]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60
        )
    except FileNotFoundError:
        if os.environ.get("FEEDS_REQUIRE_SERVERS") == "1":
            raise
        pytest.skip(f"{command[0]} is not installed")


def variant(tmp_path: Path, example: str, *change: str) -> Path:
    """Return an example, or a copy in which one text is replaced."""
    if not change:
        return FOLDER / example
    text = (FOLDER / example).read_text()
    assert change[0] in text
    copy = tmp_path / Path(example).name
    copy.write_text(text.replace(*change))
    return copy


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("github-actions.yml", ()),
        ("github-actions.yml", ("[self-hosted, linux]", "{}")),
        ("github-actions.yml", ("secrets.", "secret.")),
        ("github-preview.yml", ()),
        ("github-preview.yml", ("github.token", "github.tokens")),
    ],
)
def test_the_workflow_is_one_of_github(
    tmp_path: Path, name: str, change: tuple[str, ...]
) -> None:
    file = variant(tmp_path, name, *change)
    schema = ("--builtin-schema", "vendor.github-workflows")
    codes = [
        check(LINTERS / "check-jsonschema", *schema, file).returncode,
        check(LINTERS / "actionlint", file).returncode,
    ]
    assert (codes == [0, 0]) == (change == ())


# 1.31 is the first version in which a podFailurePolicy is stable.
@pytest.mark.parametrize("version", ["1.31", "1.37"])
@pytest.mark.parametrize("change", [(), ("timeZone", "timezone"), ("[75]", "75")])
def test_the_cron_job_is_one_of_kubernetes(
    tmp_path: Path, version: str, change: tuple[str, ...]
) -> None:
    file = variant(tmp_path, "kubernetes/cronjob.yaml", *change)
    words = ("--strict", "--kubernetes-version", version, file)
    done = check(LINTERS / "kubernetes-validate", *words)
    assert (done.returncode == 0) == (change == ()), done.stdout + done.stderr


@pytest.mark.parametrize(
    "change", [(), ("slim", "slim AS"), ("python:3.11-slim", "python")]
)
def test_the_containerfile_has_no_fault(
    tmp_path: Path, change: tuple[str, ...]
) -> None:
    done = check(LINTERS / "hadolint", variant(tmp_path, "Containerfile", *change))
    assert (done.returncode == 0) == (change == ()), done.stdout


@pytest.mark.parametrize(
    "change", [(), ("Type=exec", "Type=oneshot"), ("RETRIES=0", "RETRIES")]
)
def test_the_units_are_those_of_systemd(
    tmp_path: Path, change: tuple[str, ...]
) -> None:
    shutil.copytree(FOLDER / "systemd", tmp_path / "units")
    if change:
        shutil.copy(
            variant(tmp_path, "systemd/partner-feeds.service", *change),
            tmp_path / "units",
        )
    units = sorted((tmp_path / "units").iterdir())
    for unit in units:
        unit.write_text(unit.read_text().replace(HOME, str(ROOT)))
    done = check("systemd-analyze", "verify", *units)
    assert (done.returncode == 0 and not done.stderr) == (change == ()), done.stderr


def test_the_timer_is_at_eight_in_utc_all_year() -> None:
    timer = (FOLDER / "systemd/partner-feeds.timer").read_text()
    (when,) = re.findall("OnCalendar=(.*)", timer)
    # Daylight saving of Europe ends on 25 October 2026.
    words = ("--base-time=2026-10-23 12:00 UTC", "--iterations=4", when)
    done = check("systemd-analyze", "calendar", *words)
    times = re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", done.stdout)
    days = ["2026-10-24", "2026-10-25", "2026-10-26", "2026-10-27"]
    assert sorted({*times}) == [f"{day} 08:00:00" for day in days]


def test_every_schedule_is_at_eight() -> None:
    workflow = yaml.safe_load((FOLDER / "github-actions.yml").read_text())
    cron_job = next(
        yaml.safe_load_all((FOLDER / "kubernetes/cronjob.yaml").read_text())
    )
    schedules = {
        " ".join(NIGHT[:5]),
        workflow[True]["schedule"][0]["cron"],  # YAML 1.1 reads `on` as true
        cron_job["spec"]["schedule"],
    }
    for example in ("airflow_dag.py", "dagster_defs.py"):
        schedules |= {
            *re.findall(r'"([\d*]+ [\d*]+ [^"]*)"', (FOLDER / example).read_text())
        }
    (schedule,) = schedules
    begin = dt.datetime(2026, 10, 24, 12, tzinfo=dt.UTC)
    assert next(CronSim(schedule, begin)) == dt.datetime(2026, 10, 25, 8, tzinfo=dt.UTC)


def test_dagster_has_an_asset_for_every_file() -> None:
    text = (FOLDER / "dagster_defs.py").read_text()
    (names,) = re.findall(r"^FILES = \((.*)\)$", text, re.MULTILINE)
    exposures = {
        exposure["name"]
        for path in (ROOT / "models").rglob("*.yml")
        for exposure in yaml.safe_load(path.read_text()).get("exposures", [])
    }
    assert {*re.findall(r"\w+", names)} == exposures


def pins(path: Path) -> dict[str, str]:
    """Return the version, with its hashes, of each package of a lock.

    Its marker says where it is needed: a tool of the tests may need it elsewhere.
    """
    text = re.sub(r" ; .* \\\n", " \\\n", path.read_text())
    blocks = re.split(r"\n(?=\S)", text)
    matches = (
        re.match(r"([\w.-]+)\S*==(.*?)(?=\n    #|$)", each, re.DOTALL)
        for each in blocks
    )
    return {each[1]: each[2] for each in matches if each}


def test_the_image_has_the_versions_of_the_tests_and_none_of_their_tools() -> None:
    image, tested = pins(FOLDER / "requirements.lock"), pins(ROOT / "requirements.lock")
    assert image.items() <= tested.items()
    assert {"dbt-core", "duckdb", "setuptools"} <= image.keys()
    assert not {"pytest", "ruff", "mypy"} & image.keys()


def test_the_image_has_every_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {
        name.partition(".")[0] for name in project["tool"]["setuptools"]["packages"]
    }
    assert packages <= {*COPIED}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with what the image has, and no more."""
    return make_home(tmp_path / "partner-feeds")


class Night:
    """A run of run.sh, or of a line of the crontab from another folder."""

    def __init__(self, home: Path, line: str = "", **variables: object) -> None:
        environment = settings(home, **variables)
        environment["PATH"] = "/usr/bin:/bin"  # that of cron
        command = line.replace(HOME, str(home)) or "exec sh orchestration/run.sh"
        self.home = home
        self.errors = home / f"stderr {time.monotonic_ns()}"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                cwd="/" if line else home,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def wait_until_it_extracts(self) -> None:
        """Wait until `extract` has made a folder for what it lands."""
        while not list(self.home.glob("data/landing/*/ordertime")):
            assert self.process.poll() is None, self.errors.read_text()
            time.sleep(0.01)

    def end(self) -> tuple[int, str]:
        """Wait for its end; return the exit code and stderr."""
        code = self.process.wait(timeout=240)
        return code, self.errors.read_text()

    @property
    def landed(self) -> bool:
        """Whether a source was extracted."""
        return (self.home / "data/landing/current/ordertime").exists()


def test_75_is_tried_again_and_nothing_is_published_after_a_failed_build(
    home: Path,
) -> None:
    (home / "profiles.yml").unlink()  # so dbt cannot build
    with sources("1-2:503") as variables:
        night = Night(home, **variables)
        code, errors = night.end()
    assert code == 2  # that of dbt
    assert errors.count("run.sh: extract: 75, once more in 0 s") == 2
    assert night.landed
    assert "publish build" not in errors
    assert not (home / "data/ledger.jsonl").exists()
    assert "DBT_MISSING" in (home / "alerts.json").read_text()


def test_75_is_not_tried_for_ever_and_no_failed_alert_hides_it(home: Path) -> None:
    (home / "alerts.json").mkdir()  # no file can be written there
    with sources("*:503") as variables:
        code, errors = Night(home, **variables, RETRIES=1).end()
    assert code == 75
    assert errors.count("once more") == 1
    assert str(home / "alerts.json") in errors


def test_another_exit_code_is_not_tried_again(home: Path) -> None:
    with sources("count@*:miscount:-3") as variables:
        night = Night(home, **variables)
        code, errors = night.end()
    assert code == 1
    assert "once more" not in errors
    assert not night.landed
    assert "DBT_MISSING" in (home / "alerts.json").read_text()


def test_a_second_run_leaves_at_once_and_a_signal_ends_the_first(home: Path) -> None:
    with sources(latency_ms=2000) as variables:
        first = Night(home, NIGHT[5], **variables)
        first.wait_until_it_extracts()
        began = time.monotonic()
        assert Night(home, NIGHT[5], **variables).end() == (75, "")
        assert time.monotonic() - began < 5
        (script,) = children(children(first.process.pid)[0])
        os.kill(script, signal.SIGTERM)
        code, errors = first.end()
    assert code == 143
    assert "ended by signal 15" in errors
    assert not (home / "alerts.json").exists()  # no further step


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    return [child.pid for child in psutil.Process(pid).children()]


@pytest.mark.long
def test_a_killed_night_is_run_again_and_delivered(home: Path) -> None:
    with sources() as variables:
        killed = Night(home, NIGHT[5], **variables, FEEDS_FAILPOINT="in-landing=kill")
        assert killed.end()[0] == 137
        assert not killed.landed
        code, errors = Night(home, NIGHT[5], **variables, FEEDS_ACCEPT_FIRST=1).end()
    assert code == 0, errors
    assert "once more" not in errors
    assert "resume run_id=" in errors
    assert len(delivered(home)) == 5


def test_the_second_line_of_the_crontab_alerts(home: Path) -> None:
    assert Night(home, ALERT[5]).end()[0] == 0
    assert "DBT_MISSING" in (home / "alerts.json").read_text()
