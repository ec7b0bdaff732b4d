"""A folder on this machine or a mounted share, as a partner."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from publish.deliver import Destination, Sent
from runtime.exits import Refused
from runtime.files import sha256_of, sync_folder

_BLOCK = 1 << 20


class Folder:
    """The `Connection` of file:// URLs."""

    def __init__(self, destination: Destination, folder: str) -> None:
        """Open an existing folder.

        Raises:
            Refused: it does not exist; making it would hide a share not mounted.
        """
        self._path = Path(destination.path + "/" + folder.strip("/"))
        self._name = destination.name
        if not self._path.is_dir():
            raise Refused(
                f"{self._name}: expected a folder {self._path}, found none. Make it, "
                "or mount it, then publish again."
            )

    def put(self, source: Path, name: str, tick: Callable[[int], object]) -> Sent:
        """Copy a file durably."""
        digest, total = hashlib.sha256(), 0
        with (
            self._told(),
            source.open("rb") as from_,
            (self._path / name).open("wb") as to,
        ):
            while block := from_.read(_BLOCK):
                to.write(block)
                digest.update(block)
                total += len(block)
                tick(len(block))
            to.flush()
            os.fsync(to.fileno())
        return Sent(total, digest.hexdigest())

    def size(self, name: str) -> int | None:
        """Return the size in bytes, None if there is no such file."""
        try:
            return (self._path / name).stat().st_size
        except FileNotFoundError:
            return None

    def hash(self, name: str) -> str | None:
        """Return the SHA-256 of what now lies in the folder."""
        with self._told():
            return sha256_of(self._path / name)

    def rename(self, old: str, new: str) -> None:
        """Give a file a name in one step, durably."""
        with self._told():
            (self._path / old).replace(self._path / new)
            sync_folder(self._path)

    def remove(self, name: str) -> None:
        """Remove a file; it is no error if there is none."""
        with self._told():
            (self._path / name).unlink(missing_ok=True)

    def list(self) -> list[str]:
        """Return the names in the folder."""
        return sorted(path.name for path in self._path.iterdir())

    def facts(self) -> Mapping[str, Any]:
        """Name the folder."""
        return {"server": "file", "folder": str(self._path)}

    def close(self) -> None:
        """Do nothing: nothing is open between calls."""

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Refused(f"{self._name}: {error}") from None
