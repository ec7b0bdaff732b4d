"""The server key or certificate that a person accepted: `trust/<destination>.json`.

It takes the place of the keys or authorities that the variables name, as long as the
variables name the same ones as then: whoever changes them later decides anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from runtime import formats
from runtime.exits import Misuse

if TYPE_CHECKING:
    from cryptography import x509

Kind = Literal["host key", "certificate"]


class Accepted(msgspec.Struct, frozen=True):
    """What a person accepted of one server.

    Attributes:
        kind: what it is.
        server: `Destination.server` at that time.
        value: "ssh-ed25519 AAAA...", or the certificate as PEM.
        fingerprint: by SHA-256, as ssh-keygen or openssl show it.
        replaces: the fingerprints of what the variables named then, sorted.
        by: who accepted it.
        because: why.
        at: when, UTC.
    """

    kind: Kind
    server: str
    value: str
    fingerprint: str
    replaces: tuple[str, ...]
    by: str
    because: str
    at: str

    def applies(self, server: str, named: tuple[str, ...]) -> bool:
        """Return whether it counts: same server, and the variables name the same."""
        return (self.server, self.replaces) == (server, named)

    def write(self, data: Path, destination: str) -> None:
        """Keep it in the data directory, whole or not at all."""
        formats.write("trust", _path(data, destination), msgspec.to_builtins(self))


def read(data: Path, destination: str) -> Accepted | None:
    """Return what was accepted of a destination; None if nothing was.

    Raises:
        Misuse: the file cannot be read.
        Refused: a newer version wrote it.
    """
    path = _path(data, destination)
    try:
        return msgspec.convert(formats.read("trust", path), Accepted)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise Misuse(
            f"{path}: expected what `publish trust` wrote, found: {error}. Remove the "
            "file; then the variables count again."
        ) from None


def certificate_fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 as `openssl x509 -fingerprint -sha256` shows it."""
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def authorities_of(file: Path | None) -> tuple[str, ...]:
    """Return the fingerprints of a CA_FILE, sorted; none for the system's own."""
    if file is None:
        return ()
    # A twentieth of a second, for few destinations.
    from cryptography import x509

    certificates = x509.load_pem_x509_certificates(file.read_bytes())
    return tuple(sorted(map(certificate_fingerprint, certificates)))


def _path(data: Path, destination: str) -> Path:
    return data / "trust" / f"{destination.lower()}.json"
