"""A house that has delivered, held and forgotten nothing: one build, several nights."""

import fcntl
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, clean_environment
from models_landing import RUN, item, land, stock
from orders_landing import catalog_item, land_orders, order, request, term
from test_models_build import messy

NIGHTS = ["2026-01-15T07:00:00Z", "2026-01-19T07:00:00Z", "2026-01-23T08:00:00Z"]


@dataclass(frozen=True)
class House:
    """A data directory with a warehouse, packages and a ledger."""

    data: Path
    folder: Path

    def run(self, *words: object, **variables: object) -> Any:
        """Run a command as a user does; its exit code, stdout and stderr."""
        return subprocess.run(
            [str(word) for word in words],
            cwd=ROOT,
            env=clean_environment(
                FEEDS_DATA=self.data,
                DBT_TARGET_PATH=self.folder / "target",
                DBT_LOG_PATH=self.folder / "logs",
                DEST_ONPART_URL=(self.folder / "partner").as_uri(),
                DEST_ORDERS_URL=(self.folder / "partner").as_uri(),
                FEEDS_ACCEPT_FIRST=1,
                **variables,
            ),
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def why(self, *words: object) -> dict[str, Any]:
        """Ask `monitor why`, as a machine does."""
        ran = self.run("monitor", "why", *words, "--json")
        told: dict[str, Any] = json.loads(ran.stdout)
        return told

    def publish(self, night: str) -> str:
        """Publish as of a night; the result as JSON."""
        ran = self.run("publish", "--at", night, "--json")
        assert ran.returncode in (0, 1), ran.stdout + ran.stderr
        return str(ran.stdout)

    def packages(self, file: str) -> list[Path]:
        """The packages of a file, the oldest first."""
        return sorted((self.data / "outbox" / file).iterdir())


def landed(data: Path) -> None:
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
    land(data, items, [*stocked, *(stock(n, "9") for n in (30, 31, 32, 33))])
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
    for source, counted in {"ordertime": "part_items", "order_tool": "orders"}.items():
        told: Mapping[str, Any] = {
            "run_id": RUN,
            "source": source,
            "status": "complete",
            "finished_at": "2026-01-15T06:10:00Z",
            "entities": {counted: {"sha256": "ab" * 32}},
        }
        folder = data / "landing" / RUN / source
        (folder / "extract.json").write_text(json.dumps(told))


def opened(folder: Path) -> House:
    """Land, build, and publish night after night; the stock is not read again.

    The first night a person lets the inventory and the full file go; the later ones
    are held, as the stock is too old by then.
    """
    house = House(folder / "data dir", folder)
    landed(house.data)
    (folder / "partner/dev/order-feed").mkdir(parents=True)
    built = house.run("dbt", "--no-use-colors", "build")
    assert built.returncode == 0, built.stdout
    for file in json.loads(house.publish(NIGHTS[0]))["files"]:
        if file["file"] != "order_feed_delta_file.4268-FA26":
            words = ("publish", "approve", file["sha256"], "--because", "I looked")
            assert house.run(*words).returncode == 0
    for night in NIGHTS:
        house.publish(night)
    return house


def common(factory: pytest.TempPathFactory) -> House:
    """One house for all processes that test; it is not to be changed."""
    base = factory.getbasetemp()
    own = base if base.name.startswith("pytest-") else base.parent
    return shared(own / "house that is watched")


def shared(folder: Path) -> House:
    """The same house for all processes that test: the first one opens it."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "opened").exists():
            opened(folder)
            (folder / "opened").touch()
    return House(folder / "data dir", folder)
