"""OpenPGP by Sequoia: only the holder of the partner's key can read what travels."""

import errno
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from runtime.exits import Misuse, Refused
from runtime.files import atomic_write
from runtime.log import LOG
from store.feeds.declaration import Encryption

if TYPE_CHECKING:
    from pysequoia import Cert
    from pysequoia.packet import Packet

_SOON = timedelta(days=30)
# Keys and certificates; a file of several megabytes is something else.
_MOST_BYTES = 2**20


def spelled(fingerprint: str) -> str:
    """Return a fingerprint in upper case, without blanks."""
    return fingerprint.replace(" ", "").upper()


def check(root: Path, encryption: Encryption) -> None:
    """Check that a file can be encrypted for the partner's key.

    Raises:
        Misuse: the package of the extra is missing, or the file has no public key.
        Refused: the key is another one, has expired, is revoked, or cannot encrypt.
    """
    sequoia = _library()
    key = _recipient(root, encryption)
    try:
        sequoia.encrypt(b"", recipients=[key])
    except RuntimeError as error:
        raise _refused(root, encryption, f"found none ({_first_line(error)})") from None


def encrypt(root: Path, encryption: Encryption, source: Path, path: Path) -> None:
    """Write the file `source` encrypted to `path`, whole or not at all.

    The result is binary, and other bytes each time.

    Raises:
        Misuse, Refused: see `check`.
        OSError: the disk is full.
    """
    sequoia = _library()
    key = _recipient(root, encryption)
    with atomic_write(path) as part:
        try:
            sequoia.encrypt_file(str(source), str(part), recipients=[key], armor=False)
        except RuntimeError as error:
            if f"os error {errno.ENOSPC}" in str(error):
                full = os.strerror(errno.ENOSPC)
                raise OSError(errno.ENOSPC, full, str(path)) from None
            raise _refused(
                root, encryption, f"failed for {source} ({_first_line(error)})"
            ) from None


def _library() -> ModuleType:
    try:
        import pysequoia
    except ImportError:
        raise Misuse(
            "encrypt: expected the package pysequoia, found none. Install "
            "partner-feeds[pgp]."
        ) from None
    return pysequoia


def _recipient(root: Path, encryption: Encryption) -> "Cert":
    """Read the partner's key, without subkeys that have expired.

    Sequoia takes a subkey that has expired where it finds no other one.
    """
    from pysequoia import Cert
    from pysequoia.packet import PacketPile, Tag

    path = root / encryption.key
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("the file has more than 1 MiB")
        content = path.read_bytes()
        key = Cert.from_bytes(content)
        packets = list(PacketPile.from_bytes(content))
    except (OSError, RuntimeError, ValueError) as error:
        raise Misuse(
            f"encrypt.key: expected the public key of the partner in {path}, found: "
            f"{_first_line(error)}"
        ) from None
    if any(packet.tag in (Tag.SecretKey, Tag.SecretSubkey) for packet in packets):
        raise Misuse(
            f"encrypt.key: expected a public key, found a secret one in {path}. Remove "
            "it, and write the public key there (`gpg --export`). Whoever has seen "
            "the file can read what was encrypted for it."
        )
    fingerprint = spelled(key.fingerprint)
    if fingerprint != spelled(encryption.fingerprint):
        raise _refused(root, encryption, f"found the fingerprint {fingerprint}")
    if key.is_revoked:
        raise _refused(root, encryption, "found that it is revoked")
    now = datetime.now(UTC)
    if key.expiration and key.expiration <= now:
        raise _refused(root, encryption, f"found that it ended {key.expiration:%F}")
    if key.expiration and key.expiration <= now + _SOON:
        ends = f"it ends at {key.expiration:%F}; ask the partner for a new one"
        LOG.warning("key ends soon", path=path, because=ends)
    return Cert.from_packets(
        [packet for group in _alive(packets, now) for packet in group]
    )


def _alive(packets: Sequence["Packet"], now: datetime) -> Iterator[list["Packet"]]:
    """Yield the packets of a key, in groups, without subkeys that have expired.

    A group begins with a key, a subkey or a user (RFC 9580, 10.1). The newest binding
    of a subkey says how long it is valid (RFC 9580, 5.2.3.13).
    """
    from pysequoia.packet import SignatureType, Tag

    groups: list[list[Packet]] = []
    for packet in packets:
        if packet.tag != Tag.Signature or not groups:
            groups.append([])
        groups[-1].append(packet)
    for group in groups:
        created = group[0].key_created
        bindings = [
            (packet.signature_created, packet.key_validity_period)
            for packet in group
            if packet.signature_type == SignatureType.SubkeyBinding
            and packet.signature_created
        ]
        valid = max(bindings, key=lambda each: each[0])[1] if bindings else None
        if not (created and valid and created + valid <= now):
            yield group


def _refused(root: Path, encryption: Encryption, problem: str) -> Refused:
    return Refused(
        f"encrypt: expected a key in {root / encryption.key} that encrypts today and "
        f"has the fingerprint {spelled(encryption.fingerprint)}, {problem}. Nothing "
        "was sent. Ask the partner for the key, and by another way for its fingerprint."
    )


def _first_line(error: Exception) -> str:
    # A backtrace may follow.
    return str(error).partition("\n")[0]
