"""What an error at a partner means: may it pass, is it worth another try, who acts.

Traps, found with real servers: Pure-FTPd says 451, a temporary code, where rights are
missing or a folder has the name; ProFTPD says 425 where a TLS session was not resumed.
They are tried again `seldom`, and the message always holds the server's own line.
"""

import ftplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from publish.transport.destination import Destination
from runtime.exits import Refused, Stop, Temporary

# soon: with back-off, as often as allowed. seldom: the code is temporary, the words
# are not; once or twice. never: a person must act first.
Retry = Literal["soon", "seldom", "never"]

_LASTS = "This will not pass by itself."
_LASTING = re.compile(
    r"permission denied|not permitted|is a directory|not a directory|no such file|"
    r"read-only|not allowed|no space|disk full|quota|insufficient",
    re.IGNORECASE,
)
# Both sides would say the same again.
_TLS_REFUSED = re.compile(
    r"WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|HANDSHAKE_FAILURE|"
    r"NO_PROTOCOLS|NO_CIPHERS|NO_SHARED_CIPHER|DH_KEY_TOO_SMALL|CERTIFICATE_REQUIRED",
)


class ServerRefused(Refused):
    """A partner's server refuses, or is not who it should be.

    Attributes:
        reply: the three-digit code, where there was one.
        retry: never.
    """

    retry: Retry = "never"

    def __init__(self, message: str, reply: int | None = None) -> None:
        super().__init__(message)
        self.reply = reply


class ServerUnavailable(Temporary):
    """A partner's server is busy, full, slow or out of reach.

    Attributes:
        reply: the three-digit code; None where the connection broke without one.
        retry: soon or seldom.
    """

    def __init__(
        self, message: str, reply: int | None = None, retry: Retry = "soon"
    ) -> None:
        super().__init__(message)
        self.reply = reply
        self.retry: Retry = retry


def retry_of(stop: Stop) -> Retry:
    """Say how another try within the same run is to be thought of."""
    if isinstance(stop, ServerRefused | ServerUnavailable):
        return stop.retry
    return "soon" if isinstance(stop, Temporary) else "never"


@contextmanager
def reply_text(
    destination: Destination, what: str, hint: str = _LASTS, begins: bool = False
) -> Iterator[None]:
    """Turn ftplib's errors into `Refused` or `Temporary` that say what was tried.

    Args:
        destination: whose server it is.
        what: what was tried.
        hint: what to do if the server refuses it.
        begins: TLS is begun: what both sides cannot agree on then will not pass.
    """
    try:
        yield
    except ftplib.all_errors as error:
        what = f"{what} failed"
        raise end_of(destination, what, error, hint=hint, begins=begins) from None


def end_of(
    destination: Destination,
    what: str,
    error: Exception,
    said: str = "",
    hint: str = _LASTS,
    begins: bool = False,
) -> Stop:
    """Class an error and word it with the server's own line.

    Args:
        destination: whose server it is; its secrets are taken out of the message.
        what: what was tried.
        error: of ftplib, the socket or TLS.
        said: the line that the server sent when it broke off, if any.
        hint: what to do if the server refuses it.
        begins: see `told`.
    """
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, ftplib.Error):
        cause = str(error)  # the server's line
    line = " ".join(said.split())
    text = f"{destination.name}: {what} ({' '.join(cause.split())})."
    text = destination.redact(f"{text} The server said: {line}." if line else text)
    reply = _code(said) or (_code(str(error)) if isinstance(error, ftplib.Error) else 0)
    certificate = _certificate(destination, error, begins)
    if certificate or reply >= 500 or isinstance(error, ftplib.error_perm):
        return ServerRefused(f"{text} {certificate or hint}", reply or None)
    words = line if line else str(error)
    doubtful = reply == 452 or (400 <= reply < 500 and _LASTING.search(words))
    return ServerUnavailable(
        f"{text} Try again later.", reply or None, "seldom" if doubtful else "soon"
    )


def _code(text: str) -> int:
    found = re.match(r"\d{3}(?=\D|$)", text)
    return int(found[0]) if found else 0


def _certificate(to: Destination, error: Exception, begins: bool) -> str:
    """Return what to do about TLS that both sides would never agree on, or ""."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"Expected a certificate that {to.variable('CA_FILE')} or the system's "
            "authorities vouch for, with the host's name."
        )
    if begins and isinstance(error, ssl.SSLError) and _TLS_REFUSED.search(str(error)):
        return (
            f"Expected TLS 1.2 or later at {to.server}. ftps:// begins TLS after AUTH, "
            "ftps+implicit:// with the first byte: ask the partner which one it is."
        )
    return ""
