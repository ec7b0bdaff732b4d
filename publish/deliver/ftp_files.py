"""What FTP servers tell of files: size, time, a list; each in several ways."""

import ftplib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from publish.deliver import Entry
from publish.deliver.listing import facts_of, size_in, time_of
from publish.deliver.session import Session

_FORBIDDEN = re.compile(r"permi|denied|allowed|forbidden", re.IGNORECASE)


class Files:
    """Asks about the files of the folder that a session is in.

    Every method raises the errors of ftplib.
    """

    def __init__(self, session: Session, features: Mapping[str, str]) -> None:
        """Ask over `session`, by what FEAT lists."""
        self._session = session
        self._features = features

    def size(self, name: str) -> int | None:
        """Return the size in bytes, None if there is no such file.

        Raises:
            LookupError: no way tells; holds the line that was not understood.
        """
        for way in (self._size, self._mlst_size):
            # One that is listed may yet be forbidden, or unknown after all.
            with suppress(ftplib.error_perm, LookupError):
                return way(name)
        return size_in(self._session.lines("LIST"), name)

    def modified(self, name: str) -> datetime | None:
        """Return when a file was last changed; None if that is not told."""
        if "MDTM" in self._features:
            reply = self._or_none(f"MDTM {name}")
            return time_of(reply[3:].strip()) if reply else None
        with suppress(LookupError):
            entry = self._mlst(name) if "MLST" in self._features else None
            return entry.modified if entry else None
        return None

    def entries(self) -> Sequence[Entry]:
        """Return the files by name: by MLSD, else by NLST their names alone."""
        if "MLST" in self._features:
            found = [facts_of(line) for line in self._session.lines("MLSD")]
        else:
            found = [Entry(name) for name in self._names()]
        files = {entry.name: entry for entry in found if entry is not None}
        return [files[name] for name in sorted(files)]

    def _or_none(self, command: str) -> str | None:
        """Send a command about a file; None if the server knows no such file."""
        try:
            return self._session.sendcmd(command)
        except ftplib.error_perm as error:
            if _absent(error):
                return None
            raise

    def _size(self, name: str) -> int | None:
        """Ask by SIZE.

        Raises:
            LookupError: the server cannot tell this way.
        """
        if "SIZE" not in self._features:
            raise LookupError
        reply = self._or_none(f"SIZE {name}")
        if reply is None:
            return None
        found = re.match(r"213\s+(\d+)\s*$", reply)
        if not found:
            raise LookupError
        return int(found[1])

    def _mlst_size(self, name: str) -> int | None:
        if "MLST" not in self._features:
            raise LookupError
        entry = self._mlst(name)
        if entry is not None and entry.bytes is None:
            raise LookupError
        return entry.bytes if entry else None

    def _mlst(self, name: str) -> Entry | None:
        """Ask by MLST; None if the server knows no such file.

        Raises:
            LookupError: the answer holds no facts.
        """
        reply = self._or_none(f"MLST {name}")
        if reply is None:
            return None
        lines = reply.splitlines()
        if len(lines) < 3:
            raise LookupError
        return facts_of(lines[1])

    def _names(self) -> Sequence[str]:
        try:
            # Some answer with a path, some list the folder itself.
            lines = [line.rpartition("/")[2] for line in self._session.lines("NLST")]
        except ftplib.error_perm as error:
            if _absent(error):
                return []
            raise
        return [name for name in lines if name not in ("", ".", "..")]


def _absent(error: ftplib.error_perm) -> bool:
    """Tell "no such file" from "you may not", which both are 550."""
    return str(error).startswith("550") and not _FORBIDDEN.search(str(error))
