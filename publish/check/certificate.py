"""The certificate that a server shows: who vouches for whom, and for how long."""

import ssl
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from publish.transport import Destination
from publish.transport.ftp_session import Session


def described(encoded: bytes, at: datetime | None = None) -> dict[str, Any]:
    """Describe a certificate in DER: issuer, subject, names, not_after, days_left."""
    found = x509.load_der_x509_certificate(encoded)
    names: list[str] = []
    with suppress(x509.ExtensionNotFound, ValueError):
        listed = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = [str(name.value) for name in listed.value]
    left = found.not_valid_after_utc - (at or datetime.now(UTC))
    return {
        "issuer": found.issuer.rfc4514_string(),
        "subject": found.subject.rfc4514_string(),
        "names": names,
        "not_after": f"{found.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
        "days_left": left.days,
    }


def shown(to: Destination) -> dict[str, Any] | None:
    """Look at what a server shows that was not believed; None if it shows nothing.

    Nothing is sent to it: no user, no password.
    """
    if to.scheme not in ("ftps", "ftps+implicit"):
        return None
    session = Session(to)
    session.context.check_hostname = False
    session.context.verify_mode = ssl.CERT_NONE
    try:
        session.open()
        if to.scheme == "ftps":
            session.secure()
        return of_socket(session.sock)
    except Exception:  # whatever is wrong there, the first error tells it
        return None
    finally:
        session.close()


def of_socket(control: object) -> dict[str, Any] | None:
    """Describe the other side's certificate; None if the connection is not TLS."""
    if not isinstance(control, ssl.SSLSocket):
        return None
    encoded = control.getpeercert(binary_form=True)
    return described(encoded) if encoded else None
