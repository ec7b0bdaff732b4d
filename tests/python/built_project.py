"""A project built once by dbt and published on three nights, and pages about it."""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from commands import ROOT
from compiled_project import NO_UNIT_TESTS, Compiled
from landing import (
    catalog_item,
    item,
    land_orders,
    land_parts,
    messy,
    order,
    request,
    stock,
    term,
    write_extract,
)
from made_once import made_once
from project import Project

from store.ledger import Ledger
from store.outbox import packages
from store.package import Package

NIGHTS = ["2026-01-15T07:00:00Z", "2026-01-19T07:00:00Z", "2026-01-23T08:00:00Z"]


@dataclass
class BuiltProject(Project):
    """The project itself, with a data directory and a partner below `folder`."""

    @property
    def root(self) -> Path:
        """The folder of dbt_project.yml; commands run there."""
        return ROOT

    def environment(self) -> dict[str, object]:
        """Return the environment of every command."""
        return {**super().environment(), "FEEDS_ACCEPT_FIRST": 1}

    def why(self, *words: object) -> dict[str, Any]:
        """Run `monitor why`; return what it printed."""
        return self.run_json("monitor", "why", *words)

    def quick_build(self, compiled: Compiled) -> None:
        """Build what was landed by the SQL that dbt compiled, and use its artifacts."""
        compiled.copy_warehouse(self.data)
        assert compiled.execute(self.data, datetime.now(UTC)) == set()
        self.variables["DBT_TARGET_PATH"] = compiled.folder / "target"

    def publish(self, night: str) -> dict[str, Any]:
        """Publish as of a night; return what it printed."""
        result = self.run_json("publish", "--at", night)
        assert result["exit_code"] in (0, 1), result
        return result

    def report(self, out: Path, *words: object) -> "Report":
        """Write pages below `out`."""
        result = self.run_json("monitor", "report", "--out", out, *words)
        assert result["exit_code"] == 0, result["stderr"]
        return Report(self, out, [Path(page["path"]) for page in result["pages"]])

    def recorded_packages(self) -> list[Package]:
        """Return the packages as `monitor` reads them, the oldest first."""
        return packages(self.data / "outbox", Ledger.read(self.ledger_file))

    def newest_package(self, file: str) -> Package:
        """Return the newest package of a file."""
        return [each for each in self.recorded_packages() if each.file == file][-1]


@dataclass(frozen=True)
class Report:
    """The pages that `monitor report` wrote about a project."""

    project: BuiltProject
    out: Path
    pages: list[Path]

    def page(self, package: Package) -> Path:
        """Return the page of a package."""
        return self.out / package.file / f"{package.run_id}.html"


def land_everything(data: Path) -> None:
    """Land parts of every decision, and orders."""
    items, stocked = messy()
    items += [
        item(
            30, "Z-30\t\x1b[31mred", "AM", Description='<b>"Front",\nbumper</b>\x1b[2J'
        ),
        item(31, "31 A/31", "OEM", ManufacturerPartNo="8O7 832 057 A"),
        item(32, "31-A-31", "CAPA", cf_certification="CAPA", cf_partslink="TO1000123C"),
        item(33, "33", "AM", cf_alternate_numbers="00000-7E777; 11111-8F888"),
    ]
    land_parts(data, items, [*stocked, *(stock(n, "9") for n in (30, 31, 32, 33))])
    land_orders(
        data,
        [
            order(101, requests=(request("A wish"),)),
            order(102, (catalog_item("C1", title="Two\nlines"), catalog_item("C2"))),
            order(103, (), ()),
            order(104, sections=("S9",)),
        ],
        [term("4268-FA26", ordering_opens_at="2026-01-01T00:00:00Z")],
    )
    write_extract(data, "ordertime", {"part_items": {}})
    write_extract(data, "order_tool", {"orders": {}})


def build(folder: Path, compiled: Compiled) -> BuiltProject:
    """Land, build, and publish on three nights; the stock is extracted only once.

    On the first night a person approves what is held: the inventory. The later ones are
    held, because the stock is too old by then.
    """
    project = BuiltProject(folder)
    compiled.copy_warehouse(project.data)
    land_everything(project.data)
    (project.partner / "dev/order-feed").mkdir(parents=True)
    done = project.run("dbt", "--no-use-colors", "build", *NO_UNIT_TESTS)
    assert done.returncode == 0, done.stdout
    for file in project.publish(NIGHTS[0])["files"]:
        if file["status"] == "held":
            words = ("approve", file["sha256"], "--because", "I looked")
            assert project.run("publish", *words).returncode == 0
    for night in NIGHTS:
        project.publish(night)
    return project


@pytest.fixture(scope="session")
def built(
    compiled_project: Compiled, tmp_path_factory: pytest.TempPathFactory
) -> BuiltProject:
    """One for all processes of a test run; tests do not change it."""

    def make(folder: Path) -> None:
        build(folder, compiled_project)

    return BuiltProject(made_once(tmp_path_factory, "built project", make))


@pytest.fixture
def built_copy(built: BuiltProject, tmp_path: Path) -> BuiltProject:
    """A copy, to be changed."""
    return built.copy(tmp_path / "copy")


@pytest.fixture(scope="session")
def reported(built: BuiltProject, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """That project with a page of every package."""
    return built.report(tmp_path_factory.mktemp("pages of") / "all runs")


def read_audit(package: Package) -> tuple[list[str], list[dict[str, str]]]:
    """Return the header and the rows of a package's audit."""
    with (package.folder / "audit.csv").open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        return list(reader.fieldnames or ()), list(reader)


def write_audit(
    package: Package, header: list[str], rows: list[dict[str, str]]
) -> None:
    """Write another audit."""
    path = package.folder / "audit.csv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
