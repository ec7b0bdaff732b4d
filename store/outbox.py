"""The folder of packages: a package appears under its name when it is complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from runtime.exits import Misuse
from runtime.files import read_json, sync_folder, write_json
from store.ledger import Ledger, Record
from store.package import PRUNED, RECEIPT, Package

_OF_RECORD = (
    "attempt", "at", "destination", "name", "sha256", "bytes", "rows", "package",
)  # fmt: skip


def packages(
    outbox: Path, ledger: Ledger | None = None, *, pruned: bool = True
) -> list[Package]:
    """Return every package, oldest first, dry runs included.

    Args:
        outbox: the folder of packages.
        ledger: adds its records of each run, and gives the order. Without it the order
            is that of the logical times.
        pruned: also those of which `publish prune` removed the tables.
    """
    records = ledger.by_run() if ledger else {}
    every = [
        Package(folder, records.get((folder.parent.name, folder.name), ()))
        for file in _folders(outbox)
        for folder in _folders(file, but_with="" if pruned else PRUNED)
    ]
    if ledger is None:
        return sorted(every, key=lambda package: (package.run_time, package.name))
    order = ledger.run_order()
    return sorted(every, key=lambda package: order(package.file, package.run_id))


def _folders(folder: Path, but_with: str = "") -> list[Path]:
    """Return the folders in a folder that are not hidden; none if it is missing.

    Args:
        folder: to look in.
        but_with: leave out each folder that has a file of this name.
    """
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name[0] != "."
                and entry.is_dir()
                and not (but_with and Path(entry.path, but_with).exists())
            ]
    except FileNotFoundError:
        return []
    return [folder / name for name in names]


def find(outbox: Path, run: str) -> Package:
    """Return the package of a run id, or of FILE/RUN.

    Raises:
        Misuse: there is none, or there are several.
    """
    every = packages(outbox)
    named = [package for package in every if run in (package.run_id, package.name)]
    if len(named) == 1:
        return named[0]
    if named:
        listed = ", ".join(package.name for package in named)
        raise Misuse(f"expected one run {run}, found {listed}. Name FILE/RUN.")
    raise Misuse(
        f"expected a run in {outbox}, found none with the id {run!r}. "
        f"`publish status` and the outbox name them; the newest is "
        f"{max((each.run_id for each in every), default='(there is none)')}."
    )


@contextmanager
def work(outbox: Path, feed: str) -> Iterator[Path]:
    """Give a folder to work in, below the outbox or another folder that is locked.

    It is removed afterwards. Folders that a killed run left behind are removed first:
    the caller holds the lock, so nobody uses them.
    """
    import shutil

    outbox.mkdir(parents=True, exist_ok=True)
    for left in outbox.glob(".*.work"):
        shutil.rmtree(left)
    folder = outbox / f".{feed}.{os.getpid()}.work"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_id(outbox: Path, at: datetime, file: str, sha256: str) -> str:
    """Name a run by its logical time `at` (UTC) and the file's digest, not by a clock.

    The same input at the same logical time is the same run and replaces its earlier
    package; but a delivered package is never replaced.
    """
    base = f"{at:%Y%m%dT%H%M%SZ}-{sha256[:8]}"
    name, number = base, 1
    while (outbox / file / name / RECEIPT).exists():
        number += 1
        name = f"{base}-{number}"
    return name


def move_to_outbox(folder: Path, final: Path) -> Path:
    """Move a finished package to its place in the outbox, `final`; return that."""
    for path in folder.iterdir():
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
    sync_folder(folder)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        final.rename(folder.with_name("replaced"))
    folder.rename(final)
    sync_folder(final.parent)
    return final


def write_receipt(outbox: Path, record: Record) -> None:
    """Write the receipt of a delivery into its package; the ledger has it already."""
    folder = Package.from_record(outbox, record).folder
    before = read_json(folder / RECEIPT) if (folder / RECEIPT).exists() else {}
    # The receipt of a file that was sent again is that of the last time.
    if folder.is_dir() and before.get("attempt") != record["attempt"]:
        receipt = {name: record[name] for name in _OF_RECORD}
        write_json(folder / RECEIPT, {**receipt, **record["receipt"]})
