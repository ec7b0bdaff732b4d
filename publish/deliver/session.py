"""ftplib's FTPS client with what servers need and it lacks: a thin layer.

The data connection resumes the TLS session of the control connection: vsftpd and
ProFTPD, as shipped, refuse it otherwise (python/cpython#63699 is open).
"""

import ftplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from publish.deliver import Destination
from runtime.command import LOG
from runtime.exits import Refused, Stop, Temporary

# How long a server may take to say why it broke a transfer off.
_REASON_SECONDS = 3.0


class Session(ftplib.FTP_TLS):
    """A control connection; made anew for every attempt, never used after an error."""

    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[socket.socket, int | None]:
        """Open a data connection, protected, in the TLS session of this one."""
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 (made TLS)
        # Taken now, not after the handshake: under TLS 1.3 the ticket comes later.
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        return (
            self.context.wrap_socket(data, server_hostname=self.host, session=session),
            size,
        )

    def keep_alive(self) -> None:
        """Let the network know that we are there; NOOP would upset some servers."""
        if self.sock is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def wait(self, seconds: float) -> None:
        """Allow the next reply so much time."""
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def features(self) -> dict[str, str]:
        """Return what FEAT lists: upper-case name to the rest of its line."""
        try:
            lines = self.sendcmd("FEAT").splitlines()
        except ftplib.error_perm:
            return {}
        pairs = (line.strip().partition(" ") for line in lines[1:-1])
        return {name.upper(): rest for name, _, rest in pairs}

    def reason(self) -> str:
        """Read the line that a server sent when it broke a transfer off, if any."""
        with suppress(*ftplib.all_errors):
            self.wait(_REASON_SECONDS)
            return self.getmultiline()
        return ""


def context(destination: Destination) -> ssl.SSLContext:
    """Make the TLS settings of a destination: TLS 1.2 or later, verified."""
    made = ssl.create_default_context(
        cafile=str(destination.ca_file) if destination.ca_file else None
    )
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not destination.verify:
        LOG.warning(
            f"destination={destination.name} certificate is NOT checked: "
            f"DEST_{destination.name.upper()}_TLS_VERIFY is 0; whoever stands between "
            "can read and change the file"
        )
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


@contextmanager
def told(destination: str, what: str) -> Iterator[None]:
    """Turn ftplib's errors into `Refused` or `Temporary` that say what was tried."""
    try:
        yield
    except ftplib.all_errors as error:
        raise end_of(destination, f"{what} failed", error, "") from None


def end_of(destination: str, what: str, error: Exception, said: str) -> Stop:
    """Class an error of ftplib and word it with the server's own line.

    Replies 4xx, broken connections and time-outs may pass; 5xx and a certificate that
    is not accepted will not.
    """
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    reply = f" The server said: {' '.join(said.split())}" if said else ""
    text = f"{destination}: {what} ({cause}).{reply}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return Refused(
            f"{text} Expected a certificate that DEST_{destination.upper()}_CA_FILE or "
            "the system's authorities vouch for, with the host's name."
        )
    if isinstance(error, ftplib.error_perm) or said.startswith("5"):
        return Refused(f"{text} This will not pass by itself.")
    return Temporary(f"{text} Try again later.")
