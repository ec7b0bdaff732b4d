"""Removes one item: the ledger has it first, then it is whole or absent.

A landed run is renamed to a hidden name before it is deleted, and so are the tables of
a build. `pruned.json` names the files of a package before the first of them is deleted.
If the process is killed, the next `publish prune` finishes its work.
"""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from publish.prune.inventory import Removable, removable_files
from runtime.environment import DataDirectory
from runtime.failpoints import failpoint
from runtime.files import remove_leftovers, sync_folder, write_json
from runtime.log import LOG
from store import build_records
from store.ledger import Ledger, Record
from store.package import PRUNED, SUMS, Package

_REMOVED = ".pruned"


def remove(
    place: DataDirectory, ledger: Ledger, item: Removable, because: str, by: str
) -> None:
    """Record the removal of an item, then remove it."""
    record = _recorded(ledger, item) or ledger.append(
        "pruned",
        kind=item.kind,
        piece=item.name,
        bytes=item.bytes,
        because=because,
        by=by,
        **_of_package(item),
    )
    if item.kind == "package":
        _package(item.path, record)
    elif item.kind == "landing":
        hidden = place.landing / f".{item.path.parent.name}.{item.path.name}{_REMOVED}"
        _folder(item, hidden)
    elif item.kind == "build":
        build_records.remove(place, item.name)
        if item.path.exists():
            _folder(item, place.spark / f".{item.name}{_REMOVED}")
    else:
        item.path.unlink()
        sync_folder(item.path.parent)


def failed_copies(
    place: DataDirectory, ledger: Ledger, latest: Package, sha256: str, by: str
) -> None:
    """Remove the tables of packages that hold the same bytes and were not delivered.

    Args:
        place: the data directory.
        ledger: its lock is held.
        latest: the package that is about to be sent; it stays.
        sha256: of its file.
        by: who runs the command.
    """
    _finish_last(place, ledger)
    ends: dict[str, set[str]] = {}
    for intent in ledger.all("intent"):
        if (intent["file"], intent["sha256"]) == (latest.file, sha256):
            end = ledger.outcome(intent["attempt"])
            ends.setdefault(intent["run_id"], set()).add(end["event"] if end else "")
    because = f"its delivery failed, and {latest.run_id} has the same bytes"
    for run_id, events in ends.items():
        folder = place.outbox / latest.file / run_id
        if run_id == latest.run_id or events != {"failed"}:
            continue
        if not (folder / SUMS).is_file() or (folder / PRUNED).is_file():
            continue
        size = sum(path.stat().st_size for path in removable_files(folder))
        name = f"{latest.file}/{run_id}"
        at = datetime.now(UTC)
        item = Removable("package", name, folder, latest.file, at, size)
        remove(place, ledger, item, because, by)
        LOG.info("pruned", kind=item.kind, name=item.name, bytes=item.bytes)


def finish(place: DataDirectory, ledger: Ledger, whole: Sequence[Package]) -> int:
    """Finish the work of a killed process; return how many items.

    Only the item that the ledger has last can be unfinished: every removal begins with
    the end of the one before.

    Args:
        place: the data directory.
        ledger: its ledger.
        whole: the packages with tables.
    """
    left = [
        folder
        for above in (place.landing, place.spark)
        for folder in above.glob(f".*{_REMOVED}")
    ]
    for folder in left:
        shutil.rmtree(folder)
    for run in place.landing.glob("[!.]*"):
        if run.is_dir() and not any(run.iterdir()):
            run.rmdir()
    for package in whole:
        remove_leftovers(package.folder)
    return len(left) + _finish_last(place, ledger)


def _finish_last(place: DataDirectory, ledger: Ledger) -> int:
    """Finish the package whose removal the ledger has last; return 1 if it was not."""
    for record in ledger.all("pruned")[-1:]:
        folder = place.outbox / record["piece"]
        if record["kind"] == "package" and (folder / PRUNED).is_file():
            return int(_finish_package(folder))
    return 0


def _finish_package(folder: Path) -> bool:
    remove_leftovers(folder)
    files = _files(folder / PRUNED)
    rest = [path for path in removable_files(folder) if path.name in files]
    for path in rest:
        path.unlink()
    return bool(rest)


def _recorded(ledger: Ledger, item: Removable) -> Record | None:
    """Return the record of a killed process that did not remove the item."""
    for record in ledger.all("pruned")[-1:]:
        if (record["kind"], record["piece"]) == (item.kind, item.name):
            return record
    return None


def _of_package(item: Removable) -> dict[str, str]:
    """Name the run in the fields that every other record has."""
    if item.kind != "package":
        return {}
    return {"file": item.path.parent.name, "run_id": item.path.name}


def _package(folder: Path, record: Record) -> None:
    files = {path.name for path in removable_files(folder)}
    package = Package(folder)
    for name in sorted(files & package.travelled):
        (folder / name).unlink()
    sums = package.sums
    removed = {name: digest for name, digest in sums.items() if name in files}
    about = {field: record[field] for field in ("at", "by", "because")}
    write_json(folder / PRUNED, {**about, "files": removed})
    failpoint("after-pruned-json")
    for name in sorted(files & removed.keys()):
        (folder / name).unlink()
        failpoint("in-prune")
    sync_folder(folder)


def _folder(item: Removable, hidden: Path) -> None:
    above = item.path.parent
    item.path.rename(hidden)
    sync_folder(above)
    failpoint("in-prune")
    shutil.rmtree(hidden)
    if not any(above.iterdir()):
        above.rmdir()


def _files(pruned: Path) -> frozenset[str]:
    try:
        return frozenset(json.loads(pruned.read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()
