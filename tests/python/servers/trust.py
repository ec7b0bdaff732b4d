"""Certificates and keys of the servers, and what clients trust."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sandbox import certificates
from sandbox.certificates import Certificates

if TYPE_CHECKING:
    from servers.server import Server

# good; another host's name, by the trusted authority; signed by itself; by a stranger
CERTIFICATES = ("good", "wrong-host", "self-signed", "untrusted")
_PEM = serialization.Encoding.PEM
_PLAIN = serialization.NoEncryption()


def make(place: Path, kind: str) -> Certificates:
    """Make what a client trusts and what the server shows, in `place`."""
    host = "partner.example" if kind == "wrong-host" else "localhost"
    files = certificates.make(place, host)
    if kind == "untrusted":
        (place / "stranger").mkdir()
        stranger = certificates.make(place / "stranger")
        return Certificates(files.ca_file, stranger.server_file)
    if kind == "self-signed":
        _self_signed(files.server_file)
    return files


def _self_signed(file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    shown = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, _PLAIN)
    file.write_bytes(shown.public_bytes(_PEM) + secret)


def host_key(server: Server) -> Path:
    """Make the key of an SFTP server, what a client trusts, and a client's key."""
    ssh_key(server.key_file)
    kind = "rsa" if server.options.host_key == "ssh-rsa" else "ed25519"
    public = ssh_key(server.place / "host_key", kind)
    if server.options.certificate != "good":
        public = ssh_key(server.place / "other_key")
    address = f"[{server.host}]:{server.port}"
    server.known_hosts.write_text(f"{address} {public}\n")
    return server.place / "host_key"


def ssh_key(file: Path, kind: str = "ed25519") -> str:
    """Make a key pair, `file` and `file`.pub; the public line."""
    key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    key = ed25519.Ed25519PrivateKey.generate()
    if kind == "rsa":
        key = rsa.generate_private_key(65537, 3072)
    openssh = serialization.PrivateFormat.OpenSSH
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    file.touch(0o600)
    file.write_bytes(key.private_bytes(_PEM, openssh, _PLAIN))
    file.with_suffix(".pub").write_bytes(public + b"\n")
    return public.decode()
