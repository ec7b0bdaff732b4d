"""The project of every cell: prepared once, copied for each."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from commands import Child, clean_environment
from sample_project import SampleProject, good_row

OLD_AT, NEW_AT = "2026-01-15T07:00:00Z", "2026-01-16T07:00:00Z"
FEED, MANIFEST = "DEMO01_inventory.csv", "DEMO01_inventory.manifest.json"
# About half a megabyte: eight blocks on the wire.
ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A project whose partner has yesterday's file, and that is to send today's.

    Attributes:
        root: project and data directory, to be copied.
        old: the partner's files, content by name, the feed last.
        new: the same after the delivery.
    """

    root: Path
    old: dict[str, bytes]
    new: dict[str, bytes]

    def copy(self, place: Path) -> Path:
        """Copy it to `place`; the warehouse is linked, for nothing changes it."""
        shutil.copytree(self.root, place, ignore=shutil.ignore_patterns("*.duckdb"))
        warehouse = "data dir/warehouse.duckdb"
        (place / warehouse).hardlink_to(self.root / warehouse)
        return place


def prepare(place: Path) -> Prepared:
    """Make the project, deliver yesterday's file, learn what today's will be."""
    project = SampleProject(
        place / "ground", rows=[good_row(number) for number in range(ROWS)]
    )
    project.root.mkdir(parents=True)
    project.meta |= {"file": FEED, "guards": {}}
    # Great Expectations runs with one expectation: these tests are about delivery.
    project.quick()
    _deliver(project.root, OLD_AT)
    old = _contents(project.partner)
    project.rows[0]["qty_on_hand"] = 11
    project.write()
    # In a copy, so that the ledger has no record of it.
    rehearsal = shutil.copytree(project.root, place / "rehearsal")
    _deliver(rehearsal, NEW_AT)
    new = _contents(rehearsal / "partner")
    assert old.keys() == new.keys()
    assert old[FEED] != new[FEED]
    shutil.rmtree(rehearsal)
    return Prepared(project.root, old, new)


def start(root: Path, at: str, environment: dict[str, str]) -> Child:
    """Start `publish` in the project `root` at the logical time `at`."""
    return Child(
        ["publish", "--at", at, "--json"], root, clean_environment(**environment)
    )


def _deliver(root: Path, at: str) -> None:
    environment = {
        "FEEDS_DATA": str(root / "data dir"),
        "XDG_STATE_HOME": str(root / "state"),
        "DEST_ONPART_URL": (root / "partner").as_uri(),
        "FEEDS_ACCEPT_FIRST": "1",
    }
    done = start(root, at, environment).wait()
    assert done.returncode == 0, done


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (MANIFEST, FEED)}
