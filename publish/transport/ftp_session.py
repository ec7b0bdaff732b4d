"""ftplib's client with what it lacks.

The data connection resumes the TLS session of the control connection: vsftpd and
ProFTPD, as shipped, refuse it otherwise (python/cpython#63699 is open).
"""

import ftplib
import socket
import ssl
from contextlib import suppress

from publish.transport.connection import open_socket
from publish.transport.destination import Destination
from runtime.command import LOG


def tls_context(destination: Destination) -> ssl.SSLContext:
    """Return TLS settings: version 1.2 or later, certificate and host name checked.

    Control and data connections share one: a TLS session belongs to its context.
    """
    context = ssl.create_default_context(
        cafile=str(destination.ca_file) if destination.ca_file else None
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # For servers that accept a TLS 1.3 ticket for one data connection only.
    if destination.tls_max == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if not destination.verify:
        LOG.warning(
            f"destination={destination.name} certificate is NOT checked: "
            f"{destination.variable('TLS_VERIFY')} is 0; others on the way can "
            "read and change the file"
        )
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


# How long a server may take to say why it broke a transfer off.
_REASON_SECONDS = 3.0
# How long a server may take to close its end of a data connection, or to say goodbye.
CLOSE_SECONDS = 5.0


class Session(ftplib.FTP_TLS):
    """A control connection; every attempt has its own, and it ends with an error.

    Passive mode only. Of a 227 reply, only the port is used, not the address.
    """

    def __init__(self, destination: Destination) -> None:
        """Prepare, without connecting."""
        super().__init__(context=tls_context(destination), timeout=destination.timeout)
        self._destination = destination
        # Whether the last data connection resumed the TLS session.
        self.resumed: bool | None = None

    def open(self) -> str:
        """Connect, in TLS for ftps+implicit://, and return the greeting."""
        self.host, self.port = self._destination.host, self._destination.port
        plain = open_socket(self._destination)
        self.sock, self.af = plain, plain.family
        if self._destination.scheme == "ftps+implicit":
            self.sock = self.context.wrap_socket(plain, server_hostname=self.host)
        self._read_lines()
        self.welcome = self.getresp()
        return self.welcome

    def secure(self) -> None:
        """Begin TLS by AUTH."""
        self.auth()
        # Discards what was received before TLS: anyone may have sent it.
        self._read_lines()

    def enter(self) -> None:
        """Log in."""
        password = (
            self._destination.password.reveal() if self._destination.password else ""
        )
        self.login(self._destination.user, password, secure=False)

    def prepare(self) -> None:
        """Protect data connections, and use binary type."""
        if self.protected:
            self.prot_p()
        # Before any SIZE: two servers refuse it in ASCII type.
        self.voidcmd("TYPE I")

    @property
    def protected(self) -> bool:
        """Whether the control connection, and so every data connection, is TLS."""
        return isinstance(self.sock, ssl.SSLSocket)

    def makepasv(self) -> tuple[str, int]:
        """Ask for a data port: by EPSV on IPv6 and if `epsv` is set, else by PASV."""
        if self._destination.epsv and self.sock is not None:
            peer = self.sock.getpeername()
            return ftplib.parse229(self.sendcmd("EPSV"), peer)  # noqa: S321 (made TLS)
        return super().makepasv()

    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[socket.socket, int | None]:
        """Open a data connection, protected, that resumes this TLS session."""
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 (made TLS)
        if not isinstance(self.sock, ssl.SSLSocket):
            return data, size
        # Not stored after the handshake: under TLS 1.3 the ticket comes later.
        session = self.sock.session
        secured = self.context.wrap_socket(
            data, server_hostname=self.host, session=session
        )
        self.resumed = secured.session_reused
        return secured, size

    def finish(self, data: socket.socket) -> None:
        """End a data connection.

        The TLS layer is closed properly: skipping that loses data under TLS 1.3. Some
        servers close theirs uncleanly, which is ignored: reply and size decide.
        """
        if isinstance(data, ssl.SSLSocket):
            data.settimeout(CLOSE_SECONDS)
            with suppress(OSError):
                data.unwrap()

    def lines(self, command: str) -> list[str]:
        """Return the lines of a listing."""
        with self.transfercmd(command) as data:
            with data.makefile("rb") as file:
                raw = file.read()
            self.finish(data)
        self.voidresp()
        return [_text(line) for line in raw.splitlines()]

    def wait(self, seconds: float) -> None:
        """Set the time limit of the next replies."""
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

    def _read_lines(self) -> None:
        # Text that is not UTF-8 is shown, not an error.
        if self.sock is not None:
            self.file = self.sock.makefile(
                "r", encoding="utf-8", errors="backslashreplace"
            )


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="backslashreplace")
