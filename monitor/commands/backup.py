"""`monitor backup`: a consistent copy of the data directory while commands run."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from monitor.context import CLOCK
from runtime import formats
from runtime.command import log_options, report
from runtime.environment import DataDirectory, Environment
from runtime.exits import Misuse
from runtime.files import sync_folder
from runtime.lock import directory_lock
from runtime.log import start_logging
from store.copies import MARKER
from store.ledger import Ledger

# Files there are written once and then only replaced or removed: a link is a copy.
_NEVER_WRITTEN = ("landing", "outbox", "delivered", "feedback", "adopted")
# dbt builds the tables again, and `monitor report` the pages.
_LEFT_OUT = (
    "warehouse.duckdb",
    "warehouse.duckdb.wal",
    "spark",
    "answers.json",
    "report",
    MARKER,
)
_LOCKED = ("checks", "profiles", "alerts")


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
@log_options
def command(folder: Path, as_json: bool, log_format: str, quiet: bool) -> None:
    """Copy the data directory to FOLDER, which must not exist.

    Other commands may run: what never changes is copied first, the rest under the
    locks. On the same file system files that never change become links. The warehouse
    and the pages are left out, because they can be built again.
    """
    start_logging(log_format, quiet)
    variables = Environment.read()
    place = DataDirectory.read(variables)
    if folder.exists():
        raise Misuse(f"expected a folder that does not exist yet, found {folder}")
    if not place.data.is_dir():
        raise Misuse(f"expected a data directory, found none at {place.data}")
    if folder.resolve().is_relative_to(place.data.resolve()):
        raise Misuse(f"expected a folder outside of {place.data}, found {folder}")
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    wait = max(60.0, variables.number("FEEDS_LOCK_WAIT", 0))
    try:
        for name in _NEVER_WRITTEN:
            _copy(place.data / name, part / name)
        with ExitStack() as locks:
            locks.enter_context(directory_lock(place.data, "monitor backup", wait))
            for name in _LOCKED:
                if (place.data / name).is_dir():
                    lock = directory_lock(place.data / name, "monitor backup", wait)
                    locks.enter_context(lock)
            result = _complete(place, part)
        formats.write("backup", part / MARKER, result)
        part.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    text = (
        f"{folder}: {result['files']:,} files, {result['linked']:,} of them links, "
        f"{result['ledger']['records']:,} records of the ledger"
    )
    report({"status": "done", "folder": str(folder), **result}, text, as_json)


def _complete(place: DataDirectory, part: Path) -> dict[str, Any]:
    """Copy what is missing under the locks, and remove what is gone since."""
    ledger = Ledger(place.ledger)
    for source in sorted(place.data.iterdir()):
        if source.name not in _LEFT_OUT and _is_ours(source):
            _copy(source, part / source.name)
    for name in _NEVER_WRITTEN:
        for target in list(_tree(part / name)):
            if not os.path.lexists(place.data / name / target.relative_to(part / name)):
                target.unlink()
    files = list(_tree(part))
    return {
        "at": f"{datetime.now(UTC):{CLOCK}}",
        "environment": place.environment,
        "ledger": {"records": len(ledger.all()), "sha256": ledger.last},
        "files": len(files),
        "linked": sum(each.lstat().st_nlink > 1 for each in files),
    }


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder; leave out what is there already, and what vanishes."""
    may_link = source.name in _NEVER_WRITTEN
    if source.is_dir() and not source.is_symlink():
        target.mkdir(parents=True, exist_ok=True)
        for each in _tree(source):
            _copy_file(each, target / each.relative_to(source), may_link)
    elif os.path.lexists(source):
        _copy_file(source, target, may_link)


def _copy_file(source: Path, target: Path, may_link: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if source.is_symlink():
            target.unlink(missing_ok=True)
            target.symlink_to(source.readlink())
        elif may_link:
            _link(source, target)
        else:
            shutil.copy2(source, target)
    except FileNotFoundError:
        return  # removed or replaced meanwhile: the pass under the locks has the rest


def _link(source: Path, target: Path) -> None:
    """Link a file, or copy it to another file system; replace one that differs."""
    if target.exists():
        old, new = target.stat(), source.stat()
        if (old.st_ino, old.st_dev) == (new.st_ino, new.st_dev) or (
            (old.st_size, old.st_mtime_ns) == (new.st_size, new.st_mtime_ns)
        ):
            return
        target.unlink()
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        shutil.copy2(source, target)


def _tree(folder: Path) -> Iterator[Path]:
    """Yield the files and links of a folder, without locks and unfinished files."""
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if Path(root, name).is_symlink()]
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in [*names, *links]:
            if _is_ours(Path(root, name)):
                yield Path(root, name)


def _is_ours(path: Path) -> bool:
    return path.name != "lock" and not path.name.startswith(".")
