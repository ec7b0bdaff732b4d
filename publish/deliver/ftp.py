"""FTPS with explicit TLS, as a partner: sends whole files and believes no single reply.

The TLS layer of a data connection is closed properly (skipping that loses data under
TLS 1.3), the final reply is insisted upon, and a server's reason for breaking off is
read and shown.
"""

import ftplib
import hashlib
import re
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from publish.deliver import Destination, Sent
from publish.deliver.session import Session, context, end_of, told
from runtime.exits import Refused

# A TLS record holds 16 KiB; ftplib's 8 KiB blocks cost half as much CPU again.
_BLOCK = 64 * 1024
# How long a server may take to close its end of a data connection, or to say goodbye.
_CLOSE_SECONDS = 5.0


class Ftps:
    """The `Connection` of ftps:// URLs."""

    def __init__(self, destination: Destination, folder: str) -> None:
        """Connect, check the certificate, log in, protect the data channel.

        Raises:
            Refused: the certificate, the login or the folder is not accepted.
            Temporary: the server cannot be reached, or says so.
        """
        self._to = destination
        self._ftp = Session(context=context(destination), timeout=destination.timeout)
        try:
            with told(self._to.name, "connecting"):
                self._greeting = self._ftp.connect(destination.host, destination.port)
                self._ftp.keep_alive()
                self._ftp.auth()
                password = destination.password.reveal() if destination.password else ""
                self._ftp.login(destination.user, password)
                self._ftp.prot_p()
                # Before any SIZE: two servers refuse it in ASCII type.
                self._ftp.voidcmd("TYPE I")
                self._features = self._ftp.features()
                if path := f"{destination.path}/{folder}".strip("/"):
                    self._ftp.cwd(path)
        except BaseException:
            self._ftp.close()
            raise

    def put(self, source: Path, name: str, tick: Callable[[int], object]) -> Sent:
        """Send a file, counting and hashing, and insist on the server's 2xx."""
        digest, total = hashlib.sha256(), 0
        try:
            with (
                source.open("rb") as file,
                self._ftp.transfercmd(f"STOR {name}") as data,
            ):
                while block := file.read(_BLOCK):
                    data.sendall(block)
                    digest.update(block)
                    total += len(block)
                    tick(len(block))
                data.settimeout(_CLOSE_SECONDS)
                # Some servers close uncleanly; the reply and the size decide.
                with suppress(OSError):
                    data.unwrap()  # type: ignore[attr-defined]
            self._ftp.wait(self._to.reply_timeout)
            self._ftp.voidresp()
        except ftplib.all_errors as error:
            said = "" if isinstance(error, ftplib.Error) else self._ftp.reason()
            what = f"sending {name} broke after {total} bytes"
            raise end_of(self._to.name, what, error, said) from None
        self._ftp.wait(self._to.timeout)
        return Sent(total, digest.hexdigest())

    def size(self, name: str) -> int | None:
        """Return the size in bytes, None if there is no such file."""
        with told(self._to.name, f"asking the size of {name}"):
            try:
                if "SIZE" in self._features:
                    return self._ftp.size(name)
                reply = self._ftp.sendcmd(f"MLST {name}")
            except ftplib.error_perm as error:
                if str(error).startswith("550"):
                    return None
                raise
        if found := re.search(r"(?i)\bsize=(\d+);", reply):
            return int(found[1])
        raise Refused(
            f"{self._to.name}: the server tells no size of a file (neither SIZE nor "
            "MLST), so that nothing sent could be checked. Nothing is published there."
        )

    def hash(self, name: str) -> str | None:
        """Return the SHA-256 by HASH or XSHA256, None where neither is offered."""
        with told(self._to.name, f"asking the hash of {name}"):
            if "SHA-256" in self._features.get("HASH", "").upper():
                self._ftp.sendcmd("OPTS HASH SHA-256")
                reply = self._ftp.sendcmd(f"HASH {name}")
            elif "XSHA256" in self._features:
                reply = self._ftp.sendcmd(f"XSHA256 {name}")
            else:
                return None
        found = re.search(r"\b[0-9A-Fa-f]{64}\b", reply)
        return found[0].lower() if found else None

    def rename(self, old: str, new: str) -> None:
        """Give a file a name (RNFR, RNTO)."""
        with told(self._to.name, f"renaming {old} to {new}"):
            self._ftp.rename(old, new)

    def remove(self, name: str) -> None:
        """Remove a file; it is no error if there is none."""
        with told(self._to.name, f"removing {name}"):
            try:
                self._ftp.delete(name)
            except ftplib.error_perm as error:
                if not str(error).startswith("550"):
                    raise

    def list(self) -> list[str]:
        """Return the names in the folder."""
        with told(self._to.name, "listing the folder"):
            return sorted(self._ftp.nlst())

    def facts(self) -> Mapping[str, Any]:
        """Tell server, TLS and whether the certificate was checked."""
        control = self._ftp.sock
        tls = control.version() if isinstance(control, ssl.SSLSocket) else None
        cipher = control.cipher() if isinstance(control, ssl.SSLSocket) else None
        return {
            "server": f"ftps://{self._to.host}:{self._to.port}",
            "greeting": self._greeting,
            "tls": tls,
            "cipher": cipher[0] if cipher else None,
            "certificate_checked": self._to.verify,
        }

    def close(self) -> None:
        """Say goodbye, shortly; then close."""
        with suppress(*ftplib.all_errors):
            self._ftp.wait(_CLOSE_SECONDS)
            self._ftp.quit()
        self._ftp.close()
