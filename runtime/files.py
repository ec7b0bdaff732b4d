"""Local writes that are whole or absent, even if the process is killed."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from runtime.exits import Refused


class DamagedError(Refused, ValueError):
    """A JSON file is not as a command wrote it. The message names file and field."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; on success it becomes `path`, durably.

    The temporary file is in the folder of `path` as `.<name>.<pid>.part`, so that the
    rename stays on one file system. If the block raises, it is removed; if the
    process is killed, `remove_leftovers` removes it later.

    Args:
        path: the final name. Its folder is made if it is missing.

    Yields:
        The temporary path; the block must create the file.

    Raises:
        OSError: from the file system; `path` is then untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb+") as handle:
            os.fsync(handle.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable: a rename alone may be lost with power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with atomic_write(path) as part:
        part.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented UTF-8 JSON with sorted keys: same value, same bytes."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    write_bytes(path, (text + "\n").encode())


def relink(link: Path, target: str) -> None:
    """Point the symbolic link `link` at `target` in one step.

    Args:
        link: the link to make or replace. Its folder is made if it is missing.
        target: the new target, relative to the link's folder.
    """
    link.parent.mkdir(parents=True, exist_ok=True)
    part = link.with_name(f".{link.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    part.replace(link)
    sync_folder(link.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove the parts of killed `atomic_write` and `relink`; the lock must be held."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Hash a file in constant memory; returns 64 hexadecimal digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class HashedFile(msgspec.Struct, frozen=True):
    """A file's digest, and what shows that it was not written since.

    Attributes:
        sha256: 64 hexadecimal digits.
        bytes: its size.
        identity: inode, and times of the last write and change in nanoseconds.
    """

    sha256: str
    bytes: int
    identity: tuple[int, int, int]

    @classmethod
    def read(cls, path: Path) -> "HashedFile":
        """Hash a file in constant memory."""
        with path.open("rb") as handle:
            # Before the first byte is read, so that a write during it is noticed.
            status = os.fstat(handle.fileno())
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        return cls(digest, status.st_size, _identity(status))

    def is_still(self, path: Path) -> bool:
        """Return whether a path has the file as it was hashed, without reading it."""
        try:
            status = path.stat()
        except OSError:
            return False
        return (self.bytes, self.identity) == (status.st_size, _identity(status))


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        OSError: there is no such file.
        DamagedError: it is not a JSON object; names the file.
    """
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise DamagedError(f"{path} is not a JSON object")
    return value


def parse_time(text: str) -> datetime:
    """Read a time as the commands write it; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
