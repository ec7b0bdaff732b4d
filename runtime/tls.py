"""TLS settings of our clients, the same under every version of Python.

`ssl.create_default_context` and urllib3 follow the interpreter: Python 3.13 added
VERIFY_X509_PARTIAL_CHAIN and VERIFY_X509_STRICT, so that a partner's certificate was
accepted by one version and refused by the next.
"""

import ssl
from pathlib import Path

# Any certificate of a CA_FILE is trusted, an intermediate or a server's own one too.
# Not VERIFY_X509_STRICT: authorities of companies often leave out key identifiers.
_FLAGS = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN


def client_context(ca_file: Path | None, pem: str | None = None) -> ssl.SSLContext:
    """Return TLS 1.2 or later, with certificate and host name checked.

    Args:
        ca_file: the authorities to trust (PEM); None for those of the system.
        pem: the only certificates to trust, in place of both.
    """
    cafile = str(ca_file) if ca_file else None
    return fixed(ssl.create_default_context(cafile=cafile, cadata=pem))


def fixed(context: ssl.SSLContext) -> ssl.SSLContext:
    """Give a context of a library our verification flags and lowest version."""
    context.verify_flags = _FLAGS
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
