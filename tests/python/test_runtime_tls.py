"""Which certificates are accepted does not depend on the version of Python."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from alert_servers import Hook, serving
from checking import CheckProject
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runtime.http import Proxy
from runtime.session import open_session
from runtime.tls import client_context, fixed
from sandbox.certificates import Certificates

_PEM = serialization.Encoding.PEM
_DAY = dt.timedelta(days=1)


def make(place: Path, days: int = 30, name: str = "localhost") -> Certificates:
    """Make an authority and a server certificate, both without key identifiers."""
    place.mkdir(exist_ok=True)
    now = dt.datetime.now(dt.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    authority, server = (
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
        for common in ("our authority", name)
    )
    blank = (
        x509.CertificateBuilder()
        .issuer_name(authority)
        .not_valid_before(now - 60 * _DAY)
        .not_valid_after(now + days * _DAY)
    )
    first, second = (
        blank.subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        for subject, key in zip((authority, server), keys, strict=True)
    )
    first = first.add_extension(x509.BasicConstraints(True, None), critical=True)
    host = x509.SubjectAlternativeName([x509.DNSName(name)])
    second = second.add_extension(host, critical=False)
    files = Certificates(place / "ca.pem", place / "server.pem")
    files.ca_file.write_bytes(first.sign(keys[0], hashes.SHA256()).public_bytes(_PEM))
    secret = keys[1].private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shown = second.sign(keys[0], hashes.SHA256()).public_bytes(_PEM)
    files.server_file.write_bytes(shown + secret)
    return files


@contextmanager
def shaking_hands(files: Certificates) -> Iterator[int]:
    """A server that takes handshakes and nothing else; give its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server_file)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.settimeout(5)
                with suppress(OSError), context.wrap_socket(client, server_side=True):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Ends `accept`, which `close` alone does not.
            listener.shutdown(socket.SHUT_RDWR)


def shake_hands(files: Certificates, ca_file: Path) -> None:
    with (
        shaking_hands(files) as port,
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        client_context(ca_file).wrap_socket(plain, server_hostname="localhost"),
    ):
        pass


@pytest.mark.parametrize("trusted", ["ca_file", "server_file"])
def test_key_identifiers_are_not_needed(tmp_path: Path, trusted: str) -> None:
    """Under Python 3.13 the default is to refuse these, and before, the second."""
    files = make(tmp_path)
    shake_hands(files, getattr(files, trusted))


@pytest.mark.parametrize(
    "refused",
    [
        lambda place: (make(place), make(place / "other").ca_file),
        lambda place: (files := make(place, days=-1), files.ca_file),
        lambda place: (files := make(place, name="partner.example"), files.ca_file),
    ],
    ids=["stranger", "ended", "name"],
)
def test_what_matters_is_refused(
    tmp_path: Path, refused: Callable[[Path], tuple[Certificates, Path]]
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(*refused(tmp_path))


def test_a_library_does_not_choose_the_flags(tmp_path: Path) -> None:
    strict = ssl.create_default_context()
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    assert fixed(strict).verify_flags == client_context(None).verify_flags
    files = make(tmp_path)
    with serving(Hook(files)) as server:
        session = open_session(server.url, str(files.ca_file), Proxy())
        assert session.post(server.url, data=b"{}", timeout=10).status_code == 204
        with pytest.raises(requests.exceptions.SSLError):
            open_session(server.url, True, Proxy()).post(server.url, timeout=10)


@pytest.mark.parametrize(
    ("days", "name", "words"),
    [
        (30, "partner.example", "Expected a certificate that has this host"),
        (-1, "localhost", "certificate has expired. Ask the partner for another one"),
    ],
)
def test_the_message_names_what_a_certificate_lacks(
    tmp_path: Path, days: int, name: str, words: str
) -> None:
    files = make(tmp_path / "pki", days, name)
    project = CheckProject(tmp_path)
    with shaking_hands(files) as port:
        project.variables = {
            "DEST_ONPART_URL": f"ftps+implicit://feeds@localhost:{port}",
            "DEST_ONPART_PASSWORD": "pass-of-tests",
            "DEST_ONPART_CA_FILE": str(files.ca_file),
        }
        report = project.check()
    assert report["exit_code"] == 1
    assert words in report["message"]
