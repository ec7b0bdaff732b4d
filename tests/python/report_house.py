"""A house that was watched for some nights, and the pages of it."""

import csv
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from monitor_house import House, common

from store.ledger import Ledger
from store.outbox import packages
from store.package import Package


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


# Under other names than the tests': who imports a fixture does not shadow it.
@pytest.fixture(scope="session", name="house")
def the_house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """One house for all processes that test; it is not to be changed."""
    return common(tmp_path_factory)


@pytest.fixture(scope="session", name="reported")
def the_pages(house: House, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """That house, and a page of every package."""
    return written(house, tmp_path_factory.mktemp("pages of") / "all runs")


@pytest.fixture(name="mine")
def a_copy(house: House, tmp_path: Path) -> House:
    """A house of one's own, to be spoiled."""
    shutil.copytree(house.folder, tmp_path / "mine", symlinks=True)
    return House(tmp_path / "mine" / "data dir", tmp_path / "mine")


def written(house: House, out: Path, *words: object) -> Reported:
    """Write the pages of a house."""
    ran = house.run("monitor", "report", "--out", out, "--json", *words)
    assert ran.returncode == 0, ran.stderr
    return Reported(house, out, json.loads(ran.stdout))


def audit_of(package: Package) -> tuple[list[str], list[dict[str, str]]]:
    """The header and the rows of a package's audit."""
    with (package.folder / "audit.csv").open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        return list(reader.fieldnames or ()), list(reader)


def audited(package: Package, header: list[str], rows: list[dict[str, str]]) -> None:
    """Write another audit."""
    path = package.folder / "audit.csv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def kept(house: House) -> list[Package]:
    """The packages, oldest first."""
    return packages(house.data / "outbox", Ledger.read(house.data / "ledger.jsonl"))


def of(house: House, file: str) -> Package:
    """The newest package of a file."""
    return next(each for each in reversed(kept(house)) if each.file == file)


def rechained(house: House, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit every record of the ledger, and chain them anew as `publish` does."""
    path = house.data / "ledger.jsonl"
    last, lines = "0" * 64, []
    for line in path.read_bytes().splitlines():
        record = json.loads(line)
        edit(record)
        lines.append(json.dumps({**record, "previous": last}).encode() + b"\n")
        last = hashlib.sha256(lines[-1]).hexdigest()
    path.write_bytes(b"".join(lines))
    head = {"records": len(lines), "sha256": last}
    path.with_name("ledger.head").write_text(json.dumps(head))
