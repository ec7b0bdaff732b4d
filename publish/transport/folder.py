"""A folder on this machine or a mounted share, as a partner."""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from publish.transport.connection import Entry
from publish.transport.destination import Destination, plain
from publish.transport.digests import BLOCK, ByteHasher, Digest, Sent, blocks
from publish.transport.errors import ServerRefused, ServerUnavailable
from runtime.files import sha256_of, sync_folder

# A share that is full, slow or away for a moment; other errors need a person.
_TEMPORARY = (errno.ENOSPC, errno.EDQUOT, errno.ETIMEDOUT, errno.ESTALE, errno.EBUSY)


class Folder:
    """The `Connection` of file:// URLs."""

    def __init__(self, destination: Destination, folder: str) -> None:
        """Open an existing folder.

        Raises:
            Refused: it does not exist. It is not made: the share may not be mounted.
        """
        self._path = Path(destination.path + "/" + folder.strip("/"))
        self._name = destination.name
        if not self._path.is_dir():
            raise ServerRefused(
                f"{self._name}: expected a folder {self._path}, found none. Make it, "
                "or mount it, then publish again."
            )

    def put(self, source: Path, name: str, tick: Callable[[int], object]) -> Sent:
        """Copy a file durably."""
        hasher = ByteHasher()
        with self._errors(), (self._path / plain(name)).open("wb") as file:
            for block in blocks(source):
                file.write(block)
                hasher.add(block)
                tick(len(block))
            file.flush()
            os.fsync(file.fileno())
        return hasher.sent()

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file, in blocks."""
        with self._errors(), (self._path / plain(name)).open("rb") as file:
            while block := file.read(BLOCK):
                yield block

    def size(self, name: str) -> int | None:
        """Return the size in bytes, None if there is no such file."""
        status = self._stat(name)
        return status.st_size if status else None

    def hash(self, name: str) -> Digest | None:
        """Return the SHA-256 of the file in the folder."""
        with self._errors():
            return Digest("SHA-256", sha256_of(self._path / name))

    def modified(self, name: str) -> datetime | None:
        """Return when a file was last changed, None if there is no such file."""
        status = self._stat(name)
        return datetime.fromtimestamp(status.st_mtime, UTC) if status else None

    def mode(self, name: str) -> str | None:
        """Return a file's permissions, None if there is no such file."""
        status = self._stat(name)
        return f"{stat.S_IMODE(status.st_mode):04o}" if status else None

    def set_mode(self, name: str, mode: str) -> None:
        """Give a file permissions."""
        with self._errors():
            (self._path / name).chmod(int(mode, 8))

    def rename(self, old: str, new: str) -> None:
        """Give a file a name in one step, durably."""
        with self._errors():
            (self._path / old).replace(self._path / plain(new))
            sync_folder(self._path)

    def remove(self, name: str) -> None:
        """Remove a file; it is no error if there is none."""
        with self._errors():
            (self._path / name).unlink(missing_ok=True)

    def list(self) -> list[str]:
        """Return the names in the folder."""
        with self._errors():
            return sorted(_shown(path) for path in self._path.iterdir())

    def entries(self) -> Sequence[Entry]:
        """Return the files in the folder by name, with size and time."""
        with self._errors():
            files = [
                (_shown(path), path.stat())
                for path in self._path.iterdir()
                if path.is_file()
            ]
        return [
            Entry(name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))
            for name, status in sorted(files)
        ]

    def facts(self) -> Mapping[str, Any]:
        """Return the folder."""
        return {"server": "file", "folder": str(self._path)}

    def close(self) -> None:
        """Do nothing: nothing is open between calls."""

    def _stat(self, name: str) -> os.stat_result | None:
        with self._errors():
            try:
                return (self._path / name).stat()
            except FileNotFoundError:
                return None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _TEMPORARY:
                raise ServerUnavailable(
                    f"{self._name}: {error}", retry="retry_once"
                ) from None
            raise ServerRefused(f"{self._name}: {error}") from None


def _shown(path: Path) -> str:
    """Return a file's name; bytes that are not UTF-8 are shown as escapes."""
    return os.fsencode(path.name).decode("utf-8", errors="backslashreplace")
