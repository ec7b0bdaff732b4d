"""A house that was watched for some nights, and the pages of it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from monitor_house import House, shared

from monitor.health.ledger import read
from monitor.report.evidence import Package, packages
from runtime.environment import Place


@dataclass(frozen=True)
class Reported:
    """A house, and the pages that were written of it."""

    house: House
    out: Path
    told: dict[str, Any]

    @property
    def pages(self) -> list[Path]:
        return [Path(each["path"]) for each in self.told["pages"]]

    def page(self, package: Package) -> Path:
        return self.out / package.file / f"{package.run_id}.html"


def watched(tmp_path_factory: pytest.TempPathFactory) -> House:
    """One house for all processes that test."""
    base = tmp_path_factory.getbasetemp()
    common = base if base.name.startswith("pytest-") else base.parent
    return shared(common / "house that is watched")


def own(house: House, folder: Path) -> House:
    """A house of one's own, to be spoiled."""
    shutil.copytree(house.folder, folder / "mine", symlinks=True)
    return House(folder / "mine" / "data dir", folder / "mine")


def written(house: House, out: Path, *words: object) -> Reported:
    """Write the pages of a house."""
    ran = house.run("monitor", "report", "--out", out, "--json", *words)
    assert ran.returncode == 0, ran.stderr
    return Reported(house, out, json.loads(ran.stdout))


def kept(house: House) -> list[Package]:
    """The packages, oldest first."""
    return packages(Place("dev", house.data), read(house.data / "ledger.jsonl"))


def of(house: House, file: str) -> Package:
    """The newest package of a file."""
    return next(each for each in reversed(kept(house)) if each.file == file)
