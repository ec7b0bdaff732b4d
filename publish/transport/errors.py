"""Errors at a partner: who must act, and whether another try may help.

Two server programs use temporary codes for lasting errors: Pure-FTPd says 451 if rights
are missing or a folder has the name, and ProFTPD says 425 if a TLS session was not
resumed. Such errors are tried again once. Every message has the server's own line.
"""

import ftplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from publish.transport.destination import Destination
from runtime.exits import Refused, Stop, Temporary

# retry_often: with back-off, as often as the destination allows.
# retry_once: the code of the reply is temporary, its text names a lasting cause.
# no_retry: a person must act first.
Retry = Literal["retry_often", "retry_once", "no_retry"]

# X509_V_ERR_ codes of OpenSSL (x509_vfy.h): self-signed, or by an unknown issuer; for
# another host or address.
_ISSUER = (18, 19, 20, 21)
_NAME_OR_ISSUER = (*_ISSUER, 62, 64)
# A refusal, and an answer that is not FTP or never ends.
_REFUSED = (ftplib.error_perm, ftplib.error_proto)
LASTS = "This will not pass by itself."
ASK_TO_WRITE = "Ask the partner for the right to write into the folder."
ASK_TO_RENAME = "Ask the partner for the right to rename files."
ASK_TO_REMOVE = "Ask the partner for the right to remove our own files."
# After 552 (RFC 959: exceeded storage allocation).
_QUOTA = (
    "The server may still count files that were taken away, and the old file and the "
    "new one need room together. Ask the partner for more room, or for a new count."
)
_LASTING = re.compile(
    r"permission denied|not permitted|is a directory|not a directory|no such file|"
    r"read-only|not allowed|no space|disk full|quota|insufficient",
    re.IGNORECASE,
)
_DEMANDS_TLS = re.compile(r"\b(encrypt\w*|TLS|SSL|secure)\b", re.IGNORECASE)
# TLS errors that every new try would raise again.
_TLS_REFUSED = re.compile(
    r"WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|HANDSHAKE_FAILURE|"
    r"NO_PROTOCOLS|NO_CIPHERS|NO_SHARED_CIPHER|DH_KEY_TOO_SMALL|CERTIFICATE_REQUIRED",
)


class ServerRefused(Refused):
    """A partner's server refuses, or its certificate or key is not trusted.

    Attributes:
        reply: the three-digit code, if there was one.
        retry: no_retry.
    """

    retry: Retry = "no_retry"

    def __init__(self, message: str, reply: int | None = None) -> None:
        super().__init__(message)
        self.reply = reply


class UntrustedCertificate(ServerRefused):
    """A server's certificate is by an issuer that we do not trust."""


class ServerUnavailable(Temporary):
    """A partner's server is busy, full, slow or out of reach.

    Attributes:
        reply: the three-digit code; None if the connection broke without one.
        retry: retry_often or retry_once.
        pause: the fewest seconds before the next try.
    """

    def __init__(
        self,
        message: str,
        reply: int | None = None,
        retry: Retry = "retry_often",
        pause: float = 0,
    ) -> None:
        super().__init__(message)
        self.reply = reply
        self.retry: Retry = retry
        self.pause = pause


def retry_of(error: Stop) -> Retry:
    """Return whether the same run tries again after an error."""
    if isinstance(error, ServerRefused | ServerUnavailable):
        return error.retry
    return "retry_often" if isinstance(error, Temporary) else "no_retry"


@contextmanager
def ftp_errors(
    destination: Destination, what: str, hint: str = LASTS, beginning_tls: bool = False
) -> Iterator[None]:
    """Turn ftplib's errors in the block into `ServerRefused` or `ServerUnavailable`.

    Args:
        destination: of the server.
        what: what is tried, such as "listing the folder".
        hint: what to do if the server refuses it.
        beginning_tls: TLS begins in the block, so that TLS errors are lasting.
    """
    try:
        yield
    except ftplib.all_errors as error:
        raise ftp_error(
            destination, f"{what} failed", error, hint=hint, beginning_tls=beginning_tls
        ) from None


def ftp_error(
    destination: Destination,
    what: str,
    error: Exception,
    reply_line: str = "",
    hint: str = LASTS,
    beginning_tls: bool = False,
) -> ServerRefused | ServerUnavailable:
    """Class an error of FTP, with the server's own line in its message.

    Args:
        destination: of the server; its secrets are removed from the message.
        what: what failed.
        error: of ftplib, the socket or TLS.
        reply_line: the line that the server sent when it broke off, if any.
        hint: what to do if the server refuses.
        beginning_tls: see `ftp_errors`.
    """
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, ftplib.Error):
        cause = str(error)  # the server's line
    line = " ".join(reply_line.split())
    text = f"{destination.name}: {what} ({' '.join(cause.split())})."
    text = destination.redact(f"{text} The server said: {line}." if line else text)
    code = _code(line) or (_code(str(error)) if isinstance(error, ftplib.Error) else 0)
    tls_hint = _tls_hint(destination, error, beginning_tls)
    hint = _scheme_hint(destination, error) or (_QUOTA if code == 552 else hint)
    if isinstance(error, ssl.SSLCertVerificationError) and (
        error.verify_code in _ISSUER
    ):
        return UntrustedCertificate(f"{text} {tls_hint}")
    if tls_hint or code >= 500 or isinstance(error, _REFUSED):
        return ServerRefused(f"{text} {tls_hint or hint}", code or None)
    lasting = _LASTING.search(line or str(error))
    doubtful = code == 452 or (400 <= code < 500 and lasting)
    return ServerUnavailable(
        f"{text} Try again later.",
        code or None,
        "retry_once" if doubtful else "retry_often",
    )


def _code(text: str) -> int:
    match = re.match(r"\d{3}(?=\D|$)", text)
    return int(match[0]) if match else 0


def _scheme_hint(destination: Destination, error: Exception) -> str:
    """Return which scheme the server needs; "" if its answer does not show one."""
    url = destination.variable("URL")
    if str(error).startswith("SSH-"):
        return f"This is an SSH server. Write sftp:// in {url}."
    demands = isinstance(error, ftplib.error_perm) and _DEMANDS_TLS.search(str(error))
    if destination.scheme == "ftp" and demands:
        return f"This server demands TLS. Write ftps:// in {url}."
    return ""


def _tls_hint(destination: Destination, error: Exception, beginning_tls: bool) -> str:
    """Return what to do about a lasting error of TLS; "" for other errors."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code not in _NAME_OR_ISSUER:
            return f"{error.verify_message}. Ask the partner for another one."
        return (
            "Expected a certificate that has this host among its names "
            "(subjectAltName) and is issued by an authority in "
            f"{destination.variable('CA_FILE')} or of the system."
        )
    if (
        beginning_tls
        and isinstance(error, ssl.SSLError)
        and _TLS_REFUSED.search(str(error))
    ):
        return (
            f"Expected TLS 1.2 or later at {destination.server}. ftps:// begins TLS "
            "after AUTH, ftps+implicit:// with the first byte: ask the partner which "
            "one it is."
        )
    return ""
