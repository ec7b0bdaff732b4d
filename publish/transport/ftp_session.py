"""ftplib's client with what it lacks.

The data connection resumes the TLS session of the control connection: vsftpd and
ProFTPD, as shipped, refuse it otherwise (python/cpython#63699 is open).
"""

from __future__ import annotations

import ftplib
import select
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from publish.transport.accepted import authorities_of
from publish.transport.connection import open_socket
from publish.transport.destination import Destination
from runtime.clock import Deadline
from runtime.tls import client_context

if TYPE_CHECKING:
    from cryptography import x509


def tls_context(destination: Destination) -> ssl.SSLContext:
    """Return TLS settings: version 1.2 or later, certificate and host name checked.

    Control and data connections share one: a TLS session belongs to its context.
    """
    context = client_context(destination.ca_file)
    if destination.accepted:
        named = authorities_of(destination.ca_file)
        if known := destination.accepted_instead_of(named):
            context = client_context(None, known.value)
    # For servers that accept a TLS 1.3 ticket for one data connection only.
    if destination.tls_max == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if not destination.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def handshake(destination: Destination) -> x509.Certificate:
    """Begin TLS without a login, and return the server's certificate.

    It is verified, unless `verify` of the destination is False.

    Raises:
        ftplib.Error, OSError, EOFError: TLS does not begin, or the certificate cannot
            be read.
    """
    from cryptography import x509

    session = Session(destination)
    try:
        session.open()
        if destination.scheme == "ftps":
            session.secure()
        control = session.sock
        shown = control.getpeercert(True) if isinstance(control, ssl.SSLSocket) else b""
        return x509.load_der_x509_certificate(shown or b"")
    except ValueError as error:
        raise ftplib.error_proto(  # noqa: S321 (made TLS)
            f"its certificate cannot be read: {error}"
        ) from None
    finally:
        session.close()


# How long a server may take to say why it broke a transfer off.
_REASON_SECONDS = 3.0
# How long a server may take to close its end of a data connection, or to say goodbye.
CLOSE_SECONDS = 5.0
_BLOCK = 4096
# Most bytes of one reply, all its lines together, and of a listing.
_REPLY_BYTES = 64 * 1024
_LISTING_BYTES = 16 * 1024 * 1024


class TooLongError(ftplib.error_proto):
    """A server sends more than any reply or listing needs."""


class Session(ftplib.FTP_TLS):
    """A control connection; every attempt has its own, and it ends with an error.

    Passive mode only. Of a 227 reply, only the port is used, not the address. A reply
    and a listing have limits of time and size as a whole, where ftplib limits the time
    of each read and the size of each line.
    """

    def __init__(self, destination: Destination) -> None:
        """Prepare, without connecting."""
        super().__init__(context=tls_context(destination), timeout=destination.timeout)
        self._destination = destination
        self._deadline = Deadline(destination.deadline)
        self._seconds = destination.timeout
        self._received = bytearray()
        self._reply = Deadline(self._seconds)
        self._reply_bytes = 0
        # Whether the last data connection resumed the TLS session.
        self.resumed: bool | None = None

    def open(self) -> str:
        """Connect, in TLS for ftps+implicit://, and return the greeting."""
        self.host, self.port = self._destination.host, self._destination.port
        plain = open_socket(self._destination)
        self.sock, self.af = plain, plain.family
        if self._destination.scheme == "ftps+implicit":
            self.sock = self.context.wrap_socket(plain, server_hostname=self.host)
        try:
            self.welcome = self.getresp()
        except TimeoutError as error:
            if self._destination.scheme == "ftps+implicit":
                raise
            raise TimeoutError(
                f"{error}; no greeting came: a server that expects TLS with the first "
                "byte needs ftps+implicit://"
            ) from None
        return self.welcome

    def secure(self) -> None:
        """Begin TLS by AUTH.

        Raises:
            ConnectionError: the server agreed and went on in clear text. One program
                (ftp-srv for Node.js) reads an early first byte of TLS as a command.
        """
        try:
            self.auth()
        except ssl.SSLError as error:
            if error.reason != "WRONG_VERSION_NUMBER":
                raise
            raise ConnectionError(
                "the server agreed to TLS and then answered in clear text"
            ) from None
        # Anyone may have sent what was received before TLS.
        self._received.clear()

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
        """Open a data connection, protected, that resumes this TLS session.

        The handshake does not wait for the reply to `cmd`: some servers send it after
        the handshake, most before.
        """
        data = socket.create_connection(self.makepasv(), self._destination.timeout)
        try:
            if isinstance(control := self.sock, ssl.SSLSocket):
                # Before the command, after which a server may close the connection:
                # Python 3.11 leaves a socket open if it fails to wrap a closed one.
                data = self.context.wrap_socket(
                    data,
                    server_hostname=self.host,
                    # The session of now: under TLS 1.3 the ticket comes late.
                    session=control.session,
                    do_handshake_on_connect=False,
                )
                self.putcmd(cmd)
                self._protect(data, control)
            else:
                self.putcmd(cmd)
                self._begin_transfer()
        except BaseException:
            data.close()
            raise
        return data, None

    def _protect(self, data: ssl.SSLSocket, control: ssl.SSLSocket) -> None:
        try:
            data.getpeername()
        except OSError:
            # The server closed it already. Its reply tells the reason.
            self._begin_transfer()
            raise
        begun = self._shake_hands(data, control)
        self.resumed = data.session_reused
        data.settimeout(self._destination.timeout)
        if not begun:
            self._begin_transfer()

    def _shake_hands(self, data: ssl.SSLSocket, control: ssl.SSLSocket) -> bool:
        """Take the handshake; return whether the reply came while it lasted."""
        limit, begun = Deadline(self._seconds), False
        data.settimeout(0)
        while True:
            read, write = [], []
            try:
                data.do_handshake()
                return begun
            except ssl.SSLWantReadError:
                read.append(data)
            except ssl.SSLWantWriteError:
                write.append(data)
            if not begun:
                read.append(control)
            seconds = self._limit(limit)
            if self._received or control.pending():
                seconds = 0
            ready, _, _ = select.select(read, write, [], seconds)
            if not begun and (control in ready or seconds == 0):
                self._begin_transfer()
                begun = True

    def _begin_transfer(self) -> None:
        """Read the reply to a transfer command: 1xx.

        Raises:
            ftplib.Error: it is another reply.
        """
        reply = self.getresp()
        # As ftplib does: some servers answer the command before.
        if reply.startswith("2"):
            reply = self.getresp()
        if not reply.startswith("1"):
            raise ftplib.error_reply(reply)  # noqa: S321 (made TLS)

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
        """Return the lines of a listing; one program lists in ASCII type only.

        Raises:
            TooLongError: it has more than 16 MiB.
        """
        try:
            return self._lines(command)
        except ftplib.error_perm as error:
            with suppress(ftplib.error_perm):
                self.voidcmd("TYPE A")
                try:
                    return self._lines(command)
                finally:
                    self.voidcmd("TYPE I")
            raise error from None

    def _lines(self, command: str) -> list[str]:
        raw, listing = bytearray(), Deadline(self._destination.reply_timeout)
        with self.transfercmd(command) as data:
            data.settimeout(self._limit(listing))
            while block := data.recv(_BLOCK):
                raw += block
                if len(raw) > _LISTING_BYTES:
                    raise TooLongError(f"listing of over {_LISTING_BYTES} bytes")
                data.settimeout(self._limit(listing))
            self.finish(data)
        self.voidresp()
        return [_text(line) for line in bytes(raw).splitlines()]

    def wait(self, seconds: float) -> None:
        """Set the time limit of each of the next replies."""
        self._seconds = seconds
        if self.sock is not None:
            self.sock.settimeout(self._seconds)

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

    def check_time(self) -> None:
        """Raise TimeoutError if the time for the whole conversation is over."""
        self._deadline.left(self._seconds)

    def getmultiline(self) -> str:
        """Read one reply, all its lines, within the time limit.

        Raises:
            TimeoutError: it is not complete in time.
            ftplib.error_proto: it is no reply of FTP, or has more than 64 KiB.
            EOFError: the server has closed the connection.
        """
        self._reply, self._reply_bytes = Deadline(self._seconds), 0
        try:
            return super().getmultiline()
        finally:
            if self.sock is not None:
                self.sock.settimeout(self._seconds)

    def getline(self) -> str:
        """Read one line of a reply; text that is not UTF-8 is shown, not an error."""
        while (end := self._received.find(b"\n") + 1) == 0:
            self._receive()
        line = bytes(self._received[:end])
        del self._received[:end]
        # ftplib takes "SSH-2.0" for the first line of many.
        if not self._reply_bytes and not line[:3].isdigit():
            raise ftplib.error_proto(_text(line.strip()))  # noqa: S321 (made TLS)
        self._reply_bytes += end
        self._check_size(self._reply_bytes)
        return _text(line.rstrip(b"\r\n"))

    def _receive(self) -> None:
        if self.sock is None:
            raise EOFError
        self.sock.settimeout(self._limit(self._reply))
        block = self.sock.recv(_BLOCK)
        if not block:
            raise EOFError
        self._received += block
        self._check_size(self._reply_bytes + len(self._received))

    def _check_size(self, size: int) -> None:
        if size > _REPLY_BYTES:
            raise TooLongError(f"reply of over {_REPLY_BYTES} bytes")

    def _limit(self, limit: Deadline) -> float:
        """Return the seconds that a limit and the whole conversation have left."""
        return limit.left(self._deadline.left(self._seconds))


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="backslashreplace")
