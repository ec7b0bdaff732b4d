"""A house that is well, to be broken: delivered for real, then set on one day."""

import datetime as dt
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, clean_environment
from publish_sample import House as Publisher

from monitor.commands.health import check_all
from monitor.context import Context, Thresholds
from monitor.health.report import Report
from runtime.environment import Environment, Limits, Place

# When everything was sent, and when it is asked about.
SENT, ASKED = "2026-01-15T07:00:05Z", "2026-01-15T09:00:00Z"
Records = list[dict[str, Any]]


@dataclass
class House:
    """A project root with a data directory."""

    root: Path
    asked: str = ASKED
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.root / "data dir"

    @property
    def package(self) -> Path:
        """The package of the delivery."""
        (found,) = (self.data / "outbox/onpart_inventory").iterdir()
        return found

    def environment(self) -> dict[str, str]:
        return {
            "FEEDS_DATA": str(self.data),
            "DEST_ONPART_URL": (self.root / "partner").as_uri(),
            "FEEDS_HEALTH_DISK_MIB": "1",
            **self.variables,
        }

    def evidence(self) -> Context:
        variables = Environment(self.environment())
        asked = dt.datetime.fromisoformat(self.asked)
        return Context(
            Place("dev", self.data), Limits("1GB", 2), variables, self.root, asked,
            Thresholds.of(variables),
        )  # fmt: skip

    def look(self) -> Report:
        """Ask for its health, in this process."""
        return check_all(self.evidence())

    def ids(self) -> set[str]:
        """What is found to be wrong."""
        return {finding.id for finding in self.look().findings}

    def run(self, *words: object, **more: object) -> subprocess.CompletedProcess[str]:
        """Run `monitor`, as a person does."""
        return subprocess.run(
            [sys.executable, "-m", "monitor", *map(str, words)],
            cwd=self.root,
            env=clean_environment(PYTHONPATH=ROOT, **{**self.environment(), **more}),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def document(self, path: str, edit: Callable[[dict[str, Any]], object]) -> None:
        """Edit a JSON file."""
        file = self.root / path
        told = json.loads(file.read_bytes())
        edit(told)
        file.write_text(json.dumps(told))

    def extracted(self, edit: Callable[[dict[str, Any]], object]) -> None:
        """Edit what the last extract told."""
        self.document("data dir/landing/current/ordertime/extract.json", edit)

    def meta(self, **fields: Any) -> None:
        """Change the exposure."""

        def edit(manifest: dict[str, Any]) -> None:
            (exposure,) = manifest["exposures"].values()
            at = exposure.get("config", exposure)
            at["meta"] = {**at["meta"], **fields}

        self.document("target/manifest.json", edit)

    def records(self) -> Records:
        lines = (self.data / "ledger.jsonl").read_bytes().splitlines()
        return [json.loads(line) for line in lines]

    def recorded(self, *records: dict[str, Any]) -> None:
        """Put other records into the ledger, chained as `publish` chains them."""
        last, lines = "0" * 64, []
        for record in records:
            line = json.dumps({**record, "previous": last}).encode() + b"\n"
            lines.append(line)
            last = hashlib.sha256(line).hexdigest()
        (self.data / "ledger.jsonl").write_bytes(b"".join(lines))
        head = {"records": len(lines), "sha256": last}
        (self.data / "ledger.head").write_text(json.dumps(head))

    def adds(self, event: str, **fields: Any) -> None:
        """Append a record like the delivery's."""
        records = self.records()
        last = {k: v for k, v in records[-1].items() if k != "receipt"}
        self.recorded(*records, {**last, "event": event, **fields})

    def checked(self, verdict: str = "ready", days: int = 90, **fields: Any) -> None:
        """Keep a profile as `publish check` does."""
        asked = dt.datetime.fromisoformat(self.asked)
        ends = asked + dt.timedelta(days=days, hours=1)
        report = {
            "at": "2026-01-15T06:00:00Z",
            "verdict": verdict,
            "message": "" if verdict == "ready" else "550 no",
            "observed": {"certificate": {"not_after": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}},
            **fields,
        }
        folder = self.data / "checks"
        folder.mkdir(exist_ok=True)
        kept = {"folders": {"/": {"settings": "", "report": report}}}
        (folder / "onpart.json").write_text(json.dumps(kept))


def delivered(root: Path) -> House:
    """Deliver one file, as publish does; then set all clocks on one day."""
    root.mkdir(exist_ok=True)
    publisher = Publisher(root).quick()
    publisher.extract["entities"]["part_items"]["count_after"] = 50
    publisher.write()
    assert publisher.publish(FEEDS_ACCEPT_FIRST=1)["exit_code"] == 0
    house = House(root)
    house.recorded(*({**record, "at": SENT} for record in house.records()))
    # As extract has it: `current` points at a run.
    run = house.data / "landing/20260115T055500Z-abc123"
    run.mkdir()
    current = house.data / "landing/current/ordertime"
    shutil.move(current, run / "ordertime")
    current.symlink_to("../20260115T055500Z-abc123/ordertime")
    assert house.run("drift").returncode == 0
    return house


# Under another name than the tests': who imports a fixture does not shadow it.
@pytest.fixture(scope="session", name="sent")
def the_house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """One house for all tests of a process; it is not to be changed."""
    return delivered(tmp_path_factory.mktemp("sent"))


def copied(sent: House, tmp_path: Path) -> House:
    """A house of one's own, to be broken."""
    shutil.copytree(sent.root, tmp_path / "house", symlinks=True)
    return House(tmp_path / "house")
