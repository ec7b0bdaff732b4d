"""Real servers that take alerts: HTTPS, and SMTP with STARTTLS or TLS at once."""

import base64
import contextlib
import email
import email.policy
import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sandbox.certificates import Certificates, make

USER, PASSWORD = "alerts", "mail-p4ssword"


def certificates(folder: Path) -> Certificates:
    """Make an authority for one test, and its certificate for this machine."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return make(folder)


def _context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_file)
    return context


class Hook(ThreadingHTTPServer):
    """Takes JSON; answers `status`.

    Attributes:
        reason: the body of the answer.
        taken: the documents, in the order in which they came.
        headers: of the last request.
    """

    daemon_threads = True

    def __init__(self, certificates: Certificates) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.socket = _context(certificates).wrap_socket(self.socket, server_side=True)
        self.status = 204
        self.reason = b""
        self.taken: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_port}/hooks/s3cret-path"

    def handle_error(self, request: object, client_address: object) -> None:
        """Show nothing: a client that does not trust us ends the handshake."""


class _Post(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.headers = dict(self.headers)
        self.send_response(self.server.status)
        self.send_header("Location", "https://localhost:1/elsewhere")
        self.send_header("Content-Length", str(len(self.server.reason)))
        self.end_headers()
        self.wfile.write(self.server.reason)
        if self.server.status < 300:
            self.server.taken.append(json.loads(body))

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


class Post(socketserver.ThreadingTCPServer):
    """A mail server (RFC 5321) that asks for a login.

    Attributes:
        mails: what came, parsed.
        offers_tls: whether it has STARTTLS.
        refuses: whether it takes no recipient.
        repeats: whether it refuses mail with the password in its reply.
        drips: whether its greeting comes in single letters, without end.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, certificates: Certificates, implicit: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.context = _context(certificates)
        self.implicit = implicit
        self.offers_tls = not implicit
        self.refuses = False
        self.repeats = False
        self.drips = False
        self.mails: list[EmailMessage] = []
        self.clear: list[str] = []  # commands that came without TLS

    @property
    def url(self) -> str:
        scheme = "smtps" if self.implicit else "smtp"
        return f"{scheme}://{USER}@localhost:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Show nothing: a client that does not trust us ends the handshake."""


class _Session(socketserver.BaseRequestHandler):
    server: Post

    def handle(self) -> None:
        self.safe = self.trusted = False
        with contextlib.ExitStack() as self.opened:
            if self.server.implicit:
                self._secure()
            else:
                self._open(self.request)
            while self.server.drips:
                self.connection.sendall(b"2")
                time.sleep(0.1)
            self._say("220 localhost ESMTP")
            # Not iter(): STARTTLS changes the file that is read.
            while line := self.file.readline():
                command, _, rest = line.decode().strip().partition(" ")
                if not self.safe:
                    self.server.clear.append(command.upper())
                if not self._answer(command.upper(), rest):
                    break

    def _open(self, connection: socket.socket) -> None:
        self.file = self.opened.enter_context(connection.makefile("rb"))
        self.connection = connection

    def _secure(self) -> None:
        wrapped = self.server.context.wrap_socket(self.request, server_side=True)
        self._open(self.opened.enter_context(wrapped))
        self.safe = True

    def _say(self, *lines: str) -> None:
        *first, last = lines
        reply = [f"{line[:3]}-{line[4:]}" for line in first] + [last]
        self.connection.sendall("".join(f"{line}\r\n" for line in reply).encode())

    def _answer(self, command: str, rest: str) -> bool:
        match command:
            case "EHLO" | "HELO":
                tls = self.server.offers_tls and not self.safe
                extra = ["250 STARTTLS"] if tls else ["250 AUTH PLAIN"]
                self._say("250 localhost", *extra)
            case "STARTTLS":
                self._say("220 go ahead")
                self._secure()
            case "AUTH":
                given = base64.b64decode(rest.split()[-1]).decode().split("\0")[1:]
                self.trusted = given == [USER, PASSWORD]
                self._say("235 welcome" if self.trusted else "535 no")
            case "MAIL" if not self.trusted:
                self._say("530 log in first")
            case "MAIL" if self.server.repeats:
                encoded = base64.b64encode(PASSWORD.encode()).decode()
                self._say(f"550 \x1b[31m{PASSWORD} {encoded} may not send")
            case "RCPT" if self.server.refuses:
                self._say("550 nobody here")
            case "DATA":
                self._say("354 go on")
                self.server.mails.append(self._mail())
                self._say("250 taken")
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                self._say("250 fine")
        return True

    def _mail(self) -> EmailMessage:
        lines = []
        for line in iter(self.file.readline, b".\r\n"):
            lines.append(line.removeprefix(b"."))
        message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message


@contextlib.contextmanager
def serving(server: Any) -> Iterator[Any]:
    """Let a server serve while the block runs."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
