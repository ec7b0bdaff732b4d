"""A temporary certificate authority, with one server certificate for this machine."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM form: what a client trusts, and what a server presents."""

    ca_file: Path
    server_file: Path


def make(folder: Path, host: str = "localhost") -> Certificates:
    """Make a new authority and a server certificate signed by it.

    The authority's key is not stored, so nothing else can be signed with it.

    Args:
        folder: where the two files go; it must exist and be private.
        host: the name in the certificate, beside 127.0.0.1 and ::1.

    Returns:
        `ca.pem`, and `server.pem` with certificate and key, valid for 30 days.
    """
    authority = trustme.CA()
    certificate = authority.issue_cert(
        host, "127.0.0.1", "::1", not_after=datetime.now(UTC) + timedelta(days=30)
    )
    files = Certificates(folder / "ca.pem", folder / "server.pem")
    authority.cert_pem.write_to_path(files.ca_file)
    files.server_file.touch(mode=0o600)
    certificate.private_key_and_cert_chain_pem.write_to_path(files.server_file)
    return files
