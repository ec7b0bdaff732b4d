"""FTP and FTPS by ftplib.

The TLS layer of a data connection is closed properly, the final reply is awaited, and
a server's reason for breaking off is read and shown.
"""

import ftplib
import hashlib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from publish.transport.accepted import authorities_of, certificate_fingerprint
from publish.transport.connection import Entry
from publish.transport.destination import Destination, plain
from publish.transport.digests import BLOCK, ByteHasher, Digest, Sent, blocks
from publish.transport.errors import (
    ASK_TO_REMOVE,
    ASK_TO_RENAME,
    ASK_TO_WRITE,
    ServerRefused,
    UntrustedCertificate,
    ftp_error,
    ftp_errors,
)
from publish.transport.ftp_files import Files, digest_in_reply, hash_offered
from publish.transport.ftp_session import CLOSE_SECONDS, Session, handshake
from runtime.log import LOG


class Ftp:
    """The `Connection` of ftps://, ftps+implicit:// and ftp:// URLs."""

    def __init__(self, destination: Destination, folder: str) -> None:
        """Connect, check the certificate, log in, protect the data channel.

        Raises:
            Refused: the certificate, the login or the folder is not accepted.
            Temporary: the server cannot be reached, or says so.
        """
        self._destination = destination
        if destination.scheme == "ftp":
            LOG.warning(
                "the connection is NOT encrypted",
                destination=destination.name,
                because=f"{destination.variable('ALLOW_PLAINTEXT')} is 1; password and "
                "file can be read and changed on the way",
            )
        elif not destination.verify:
            LOG.warning(
                "the certificate is NOT checked",
                destination=destination.name,
                because=f"{destination.variable('TLS_VERIFY')} is 0; others on the way "
                "can read and change the file",
            )
        path = destination.folder(folder)
        self._ftp = Session(destination)
        try:
            self._begin(path)
        except BaseException as error:
            self._ftp.close()
            if isinstance(error, UntrustedCertificate):
                raise UntrustedCertificate(f"{error} {_shown(destination)}") from None
            raise
        self._files = Files(self._ftp, self._features)
        self._algorithm, self._hash_command = hash_offered(self._features)

    def _begin(self, path: str) -> None:
        to, session = self._destination, self._ftp
        with ftp_errors(to, f"connecting to {to.server}", beginning_tls=True):
            self._greeting = session.open()
        if to.scheme == "ftps":
            hint = "Nothing is sent in clear text instead."
            with ftp_errors(to, "beginning TLS (AUTH)", hint, beginning_tls=True):
                session.secure()
        hint = f"Fix {to.variable('USER')} or {to.variable('PASSWORD')}."
        with ftp_errors(to, f"logging in as {to.user}", hint):
            session.enter()
        with ftp_errors(to, "preparing transfers (PROT P, TYPE I)"):
            session.prepare()
        with ftp_errors(to, "asking for features"):
            self._features = session.features()
            if "UTF8" in self._features:
                with suppress(ftplib.error_perm):
                    session.sendcmd("OPTS UTF8 ON")
        if path:
            hint = "Expected a folder that this user may enter."
            with ftp_errors(to, f"entering the folder {path}", hint):
                session.cwd(path)

    def put(self, source: Path, name: str, tick: Callable[[int], object]) -> Sent:
        """Send a file, counting and hashing, until the server's final 2xx."""
        hasher = ByteHasher(self._algorithm)
        try:
            with self._ftp.transfercmd(f"STOR {plain(name)}") as data:
                for block in blocks(source):
                    self._ftp.check_time()
                    data.sendall(block)
                    hasher.add(block)
                    tick(len(block))
                self._ftp.finish(data)
            self._ftp.wait(self._destination.reply_timeout)
            self._ftp.voidresp()
        except ftplib.all_errors as error:
            line = "" if isinstance(error, ftplib.Error) else self._ftp.reason()
            what = f"sending {name} broke after {hasher.count} bytes"
            raise ftp_error(
                self._destination, what, error, line, ASK_TO_WRITE
            ) from None
        self._ftp.wait(self._destination.timeout)
        return hasher.sent()

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file (RETR), until the server's final 2xx."""
        with ftp_errors(self._destination, f"reading {plain(name)}"):
            with self._ftp.transfercmd(f"RETR {name}") as data:
                while block := data.recv(BLOCK):
                    self._ftp.check_time()
                    yield block
                self._ftp.finish(data)
            self._ftp.voidresp()

    def size(self, name: str) -> int | None:
        """Return the size in bytes, None if there is no such file.

        Asks by SIZE, else by MLST, else by a listing of the folder.
        """
        with ftp_errors(self._destination, f"asking the size of {plain(name)}"):
            try:
                return self._files.size(name)
            except LookupError as error:
                raise ServerRefused(
                    f"{self._destination.name}: the server gives no size of {name}, "
                    "neither by SIZE nor by MLST, and its listing is not understood "
                    f"({error}). Nothing is published there, because nothing could be "
                    "checked."
                ) from None

    def hash(self, name: str) -> Digest | None:
        """Return the server's hash by HASH, XSHA256, XSHA512, XSHA1, XMD5 or XCRC."""
        if self._algorithm is None:
            return None
        with ftp_errors(self._destination, f"asking the hash of {plain(name)}"):
            # It may have to read the whole file first.
            self._ftp.wait(self._destination.reply_timeout)
            try:
                if self._hash_command == "HASH":
                    self._ftp.sendcmd(f"OPTS HASH {self._algorithm}")
                reply = self._ftp.sendcmd(f"{self._hash_command} {name}")
            except ftplib.error_perm as error:
                LOG.warning("hash offered but not given", name=name, because=error)
                return None
            finally:
                self._ftp.wait(self._destination.timeout)
        return digest_in_reply(reply, self._algorithm, name)

    def modified(self, name: str) -> datetime | None:
        """Return when a file was last changed, by MDTM or MLST."""
        with ftp_errors(self._destination, f"asking the time of {plain(name)}"):
            return self._files.modified(name)

    def mode(self, name: str) -> str | None:
        """Return a file's permissions, by MLST or a listing of the folder."""
        with ftp_errors(self._destination, f"asking the mode of {plain(name)}"):
            return self._files.mode(name)

    def set_mode(self, name: str, mode: str) -> None:
        """Give a file permissions (SITE CHMOD)."""
        what = f"giving {plain(name)} the mode {mode}"
        hint = "Ask the partner for SITE CHMOD, or leave `mode` out of the exposure."
        with ftp_errors(self._destination, what, hint):
            self._ftp.voidcmd(f"SITE CHMOD {mode} {name}")

    def rename(self, old: str, new: str) -> None:
        """Give a file a name (RNFR, RNTO)."""
        what = f"renaming {plain(old)} to {plain(new)}"
        hint = (
            f"{ASK_TO_RENAME} If a file has the name already, ask that a rename may "
            "replace it, or write {timestamp} into `file` of the exposure, so that "
            "every name is new."
        )
        with ftp_errors(self._destination, what, hint):
            self._ftp.rename(old, new)

    def remove(self, name: str) -> None:
        """Remove a file; it is no error if there is none."""
        what = f"removing {plain(name)}"
        with ftp_errors(self._destination, what, ASK_TO_REMOVE):
            try:
                self._ftp.delete(name)
            except ftplib.error_perm as error:
                # 550 is both "no such file" and "you may not".
                if not str(error).startswith("550") or self.size(name) is not None:
                    raise

    def list(self) -> list[str]:
        """Return the names in the folder."""
        return [entry.name for entry in self.entries()]

    def entries(self) -> Sequence[Entry]:
        """Return the files in the folder: by MLSD, else names by NLST, else by LIST."""
        with ftp_errors(self._destination, "listing the folder"):
            try:
                return self._files.entries()
            except LookupError as error:
                raise ServerRefused(
                    f"{self._destination.name}: the listing of the folder is not "
                    f"understood ({error})."
                ) from None

    def facts(self) -> Mapping[str, Any]:
        """Return what belongs in a receipt: server, TLS, certificate."""
        control = self._ftp.sock
        tls = control if isinstance(control, ssl.SSLSocket) else None
        cipher = tls.cipher() if tls else None
        return {
            "server": self._destination.server,
            "greeting": self._destination.redact(self._greeting),
            "encrypted": self._ftp.protected,
            "tls": tls.version() if tls else None,
            "cipher": cipher[0] if cipher else None,
            "session_resumed": self._ftp.resumed,
            "certificate_checked": self._destination.verify if tls else None,
            "certificate_ends": _certificate_end(tls) if tls else None,
            "certificate": _fingerprint(tls) if tls else None,
        }

    def close(self) -> None:
        """Say goodbye for a short time, then close."""
        with suppress(*ftplib.all_errors):
            self._ftp.wait(CLOSE_SECONDS)
            self._ftp.quit()
        self._ftp.close()


def _shown(destination: Destination) -> str:
    """Return the fingerprints of what is trusted and what the server shows."""
    try:
        certificate = handshake(replace(destination, verify=False))
    except ftplib.all_errors as error:
        return f"The certificate itself could not be read ({type(error).__name__})."
    trusted = authorities_of(destination.ca_file)
    if known := destination.accepted_instead_of(trusted):
        trusted = (known.fingerprint,)
    return (
        f"Trusted: {', '.join(trusted) or 'the authorities of the system'}. "
        f"Found: {certificate_fingerprint(certificate)}. Nothing was sent. If the "
        f"partner confirms it: `publish trust {destination.name} --fingerprint ... "
        '--because "..."`.'
    )


def _fingerprint(control: ssl.SSLSocket) -> str:
    """Return the SHA-256 of the server's certificate, as openssl shows it."""
    return hashlib.sha256(control.getpeercert(True) or b"").digest().hex(":").upper()


def _certificate_end(control: ssl.SSLSocket) -> str | None:
    """Return the last moment of the server's certificate; None if not verified."""
    certificate = control.getpeercert()  # an empty one if it was not verified
    if not certificate:
        return None
    seconds = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
