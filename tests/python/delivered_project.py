"""A project with one delivery and no finding, which tests then damage."""

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from project import Project
from sample_project import SampleProject

from monitor.commands.health import check_all
from monitor.context import Context, Thresholds
from monitor.health.report import Report
from runtime.environment import DataDirectory, Environment, Limits
from store import checks

# When everything was sent, and when the project is looked at.
SENT, NOW = "2026-01-15T07:00:05Z", "2026-01-15T09:00:00Z"


@dataclass
class DeliveredProject(Project):
    """A project whose file was delivered; `now` is the time of every look at it."""

    now: str = NOW

    @property
    def package(self) -> Path:
        """The package of the delivery."""
        (package,) = self.packages()
        return package

    def environment(self) -> dict[str, object]:
        """Return the environment of every command."""
        return {"FEEDS_HEALTH_DISK_MIB": 1, **super().environment()}

    def context(self) -> Context:
        """Return the context of the checks."""
        variables = Environment({k: str(v) for k, v in self.environment().items()})
        now = dt.datetime.fromisoformat(self.now)
        return Context(
            DataDirectory("dev", self.data), Limits("1GB", 2), variables, self.root,
            now,
            Thresholds.from_environment(variables),
        )  # fmt: skip

    def health(self) -> Report:
        """Check its health, in this process."""
        return check_all(self.context())

    def ids(self) -> set[str]:
        """Return the ids of the findings."""
        return {finding.id for finding in self.health().findings}

    def edit_extract(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the record of the last extract."""
        self.edit("data dir/landing/current/ordertime/extract.json", change)

    def edit_exposure(self, **fields: Any) -> None:
        """Change the exposure."""

        def change(manifest: dict[str, Any]) -> None:
            (exposure,) = manifest["exposures"].values()
            at = exposure.get("config", exposure)
            at["meta"] = {**at["meta"], **fields}

        self.edit("target/manifest.json", change)

    def append_record(self, event: str, **fields: Any) -> None:
        """Append a record like the last one."""
        records = self.records()
        last = {k: v for k, v in records[-1].items() if k != "receipt"}
        self.write_ledger(*records, {**last, "event": event, **fields})

    def checked(self, verdict: str = "ready", days: int = 90, **fields: Any) -> None:
        """Keep a result as `publish check` does."""
        now = dt.datetime.fromisoformat(self.now)
        ends = now + dt.timedelta(days=days, hours=1)
        report = {
            "at": "2026-01-15T08:00:00Z",
            "verdict": verdict,
            "message": "" if verdict == "ready" else "550 no",
            "facts": {"certificate_ends": f"{ends:%Y-%m-%dT%H:%M:%SZ}", "mode": "0600"},
            **fields,
        }
        checks.keep(self.data, "onpart", "/", report)


def deliver(folder: Path) -> DeliveredProject:
    """Deliver one file by `publish`; then set all times to one day."""
    sample = SampleProject(folder).quick()
    sample.extract["entities"]["part_items"]["count_after"] = 50
    assert sample.write().publish(FEEDS_ACCEPT_FIRST=1)["exit_code"] == 0
    project = DeliveredProject(folder)
    project.write_ledger(*({**record, "at": SENT} for record in project.records()))
    # As `extract` leaves it: `current` points at a run.
    run = project.data / "landing/20260115T055500Z-abc123"
    run.mkdir()
    current = project.data / "landing/current/ordertime"
    shutil.move(current, run / "ordertime")
    current.symlink_to("../20260115T055500Z-abc123/ordertime")
    assert project.run("monitor", "drift").returncode == 0
    return project


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> DeliveredProject:
    """One for all tests of a process; tests do not change it."""
    return deliver(tmp_path_factory.mktemp("delivered"))


@pytest.fixture
def damaged(delivered: DeliveredProject, tmp_path: Path) -> DeliveredProject:
    """A copy, to be changed."""
    return delivered.copy(tmp_path / "project")
