"""A connection of `publish.deliver` that also tells what only a check asks for."""

import ftplib
import re
import shutil
from contextlib import suppress
from typing import Protocol

import paramiko

from publish.check.certificate import of_socket
from publish.check.observed import Observed
from publish.transport import Destination
from publish.transport.connection import Connection
from publish.transport.folder import Folder
from publish.transport.ftp import Ftp
from publish.transport.sftp import Sftp

# draft-ietf-secsh-filexfer: requests beyond the protocol, and their answers.
_EXTENDED, _EXTENDED_REPLY = 200, 201


class Probe(Connection, Protocol):
    """A connection that may be asked more."""

    def inspect(self, seen: Observed) -> None:
        """Tell what the connection itself shows."""

    def free(self) -> int | None:
        """Return the free bytes of the folder's disk, None where nobody tells."""

    def size_in_ascii(self, name: str) -> bool | None:
        """Say whether SIZE is answered in ASCII type; None if there is no such type."""


class _FtpProbe(Ftp):
    def inspect(self, seen: Observed) -> None:
        facts = self.facts()
        seen.logged_in = True
        seen.greeting, seen.encrypted = facts["greeting"], facts["encrypted"]
        seen.tls, seen.cipher = facts["tls"], facts["cipher"]
        seen.certificate_checked = facts["certificate_checked"]
        seen.certificate = of_socket(self._ftp.sock)
        seen.features = sorted(self._features)
        seen.list_facts = "MLST" in self._features

    def free(self) -> int | None:
        # draft-peterson-streamlined-ftp-command-extensions: 213 and a number.
        if "AVBL" in self._features:
            with suppress(*ftplib.all_errors):
                found = re.match(r"213\s+(\d+)", self._ftp.sendcmd("AVBL"))
                return int(found[1]) if found else None
        return None

    def size_in_ascii(self, name: str) -> bool | None:
        try:
            self._ftp.voidcmd("TYPE A")
            return self._ftp.sendcmd(f"SIZE {name}").startswith("213")
        except ftplib.error_perm:
            return False
        except ftplib.all_errors:
            return None
        finally:
            with suppress(*ftplib.all_errors):
                self._ftp.voidcmd("TYPE I")


class _SftpProbe(Sftp):
    def inspect(self, seen: Observed) -> None:
        facts = self.facts()
        seen.logged_in = True
        seen.greeting, seen.encrypted = facts["greeting"], True
        seen.cipher, seen.host_key = facts["cipher"], facts["host_key"]
        seen.list_facts = True

    def free(self) -> int | None:
        """By OpenSSH's statvfs: the size of a fragment, and how many we may use."""
        with suppress(OSError, EOFError, paramiko.SSHException):
            kind, reply = self._sftp._request(  # type: ignore[attr-defined]
                _EXTENDED, "statvfs@openssh.com", "."
            )
            if kind == _EXTENDED_REPLY:
                _, fragment, _, _, available = (reply.get_int64() for _ in range(5))
                return int(fragment * available)
        return None

    def size_in_ascii(self, name: str) -> bool | None:
        return None


class _FolderProbe(Folder):
    def inspect(self, seen: Observed) -> None:
        seen.logged_in = seen.list_facts = True

    def free(self) -> int | None:
        return shutil.disk_usage(self._path).free

    def size_in_ascii(self, name: str) -> bool | None:
        return None


def open_probe(to: Destination, folder: str) -> Probe:
    """Open a folder at a destination.

    Raises:
        Refused, Temporary: see `publish.deliver.Connection`.
    """
    kinds: dict[str, type[_FtpProbe] | type[_SftpProbe] | type[_FolderProbe]] = {
        "sftp": _SftpProbe,
        "file": _FolderProbe,
    }
    return kinds.get(to.scheme, _FtpProbe)(to, folder)
