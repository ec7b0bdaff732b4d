"""The folder of packages: each appears under its name whole, and is kept."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from publish.settings import Settings
from runtime.files import sync_folder, write_json
from store.ledger import Record
from store.package import RECEIPT

_KEPT = ("attempt", "at", "destination", "name", "sha256", "bytes", "rows", "package")


@contextmanager
def work(outbox: Path, feed: str) -> Iterator[Path]:
    """Give a folder to work in, on the outbox's file system; it goes afterwards.

    What a killed run left behind goes first: we hold the lock, so nobody uses it.
    """
    outbox.mkdir(parents=True, exist_ok=True)
    for left in outbox.glob(".*.work"):
        shutil.rmtree(left)
    folder = outbox / f".{feed}.{os.getpid()}.work"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_id(settings: Settings, label: str, sha256: str) -> str:
    """Name a run: its logical time and the file's digest, no clock.

    The same input at the same logical time is the same run, and takes the place of
    its earlier package; but what was delivered is never written over.
    """
    base = f"{settings.at:%Y%m%dT%H%M%SZ}-{sha256[:8]}"
    name, number = base, 1
    while (settings.place.outbox / label / name / RECEIPT).exists():
        number += 1
        name = f"{base}-{number}"
    return name


def admit(folder: Path, final: Path) -> Path:
    """Move a finished package to its place in the outbox; return the place."""
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
    """Put the receipt of a delivery into its package; the ledger has it already."""
    folder = outbox / record["file"] / record["run_id"]
    if folder.is_dir() and not (folder / RECEIPT).exists():
        kept = {name: record[name] for name in _KEPT}
        if "checked" in record:  # the `publish check` that it relied on
            kept["checked"] = record["checked"]
        write_json(folder / RECEIPT, {**kept, **record["receipt"]})
