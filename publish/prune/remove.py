"""Removes one item: the ledger has it first, then it is whole or absent.

A landed run is renamed to a hidden name before it is deleted. `pruned.json` names the
files of a package before the first of them is deleted. If the process is killed, the
next `publish prune` finishes its work.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from publish.prune.inventory import Removable, removable_files
from runtime.environment import DataDirectory
from runtime.failpoints import failpoint
from runtime.files import remove_leftovers, sync_folder, write_json
from store.ledger import Ledger, Record
from store.package import PRUNED, Package

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
        _landed(place, item)
    else:
        item.path.unlink()
        sync_folder(item.path.parent)


def finish(place: DataDirectory, ledger: Ledger, whole: Sequence[Package]) -> int:
    """Finish the work of a killed process; return how many items.

    Only the item that the ledger has last can be unfinished: every prune begins here.

    Args:
        place: the data directory.
        ledger: its ledger.
        whole: the packages with tables.
    """
    left = [*place.landing.glob(f".*{_REMOVED}")]
    for folder in left:
        shutil.rmtree(folder)
    for run in place.landing.glob("[!.]*"):
        if run.is_dir() and not any(run.iterdir()):
            run.rmdir()
    for package in whole:
        remove_leftovers(package.folder)
    begun = 0
    for record in ledger.all("pruned")[-1:]:
        folder = place.outbox / record["piece"]
        if record["kind"] == "package" and (folder / PRUNED).is_file():
            begun += _finish_package(folder)
    return len(left) + begun


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
    for name in sorted(files & package.encrypted):
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


def _landed(place: DataDirectory, item: Removable) -> None:
    run, source = item.path.parent, item.path.name
    hidden = place.landing / f".{run.name}.{source}{_REMOVED}"
    item.path.rename(hidden)
    sync_folder(run)
    failpoint("in-prune")
    shutil.rmtree(hidden)
    if not any(run.iterdir()):
        run.rmdir()


def _files(pruned: Path) -> frozenset[str]:
    try:
        return frozenset(json.loads(pruned.read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()
