"""HTTP/1.1 over TLS or plain, kept alive, one thread for each connection.

Knows nothing of any API: it turns bytes into calls of one function.
"""

import logging
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sandbox.answer import Answer, message

LOG = logging.getLogger("feeds")
_LARGEST_BODY = 2**20
_PIECES = 20
# A connection closed with this set is reset instead of ended in order.
_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came: `path` with its query, headers by lower-case name."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Application = Callable[[Request], Answer]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(
        self,
        application: Application,
        tls: ssl.SSLContext | None,
        clock: Callable[[], datetime],
        port: int,
    ) -> None:
        self.application = application
        self.clock = clock
        self.stopping = threading.Event()
        self._tls = tls
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        # Here and not where it is accepted: a slow handshake holds up nobody else.
        request.settimeout(60)
        try:
            if self._tls is not None:
                request = self._tls.wrap_socket(request, server_side=True)
        except OSError:
            request.close()
            return
        self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away is what tests are about."""

    def reset(self, request: socket.socket) -> None:
        """Make the connection end with a reset once its thread is done."""
        request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._open.discard(request)

    def shutdown_request(self, request: Any) -> None:
        if request in self._open:
            super().shutdown_request(request)
        else:
            self.close_request(request)

    def stop(self) -> None:
        """End every connection, wait for its thread, free the port."""
        self.stopping.set()
        self.shutdown()
        for request in list(self._open):
            # Below TLS: its own way to say goodbye would wait for the other side.
            try:
                socket.socket.shutdown(request, socket.SHUT_RDWR)
            except OSError:
                continue
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 2**16
    server: _Server

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._send(message(413, "The body is too large"))
            return
        request = Request(
            self.command,
            self.path,
            {name.lower(): text for name, text in self.headers.items()},
            self.rfile.read(int(length)),
        )
        try:
            answer = self.server.application(request)
        except Exception as error:
            # A bug of the stand-in must not look like a fault somebody asked for.
            LOG.exception("sandbox failed path=%s", self.path)
            answer = message(500, f"The stand-in itself failed: {error!r}")
        self._send(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815 (their name)

    def _send(self, answer: Answer) -> None:
        if answer.ending in ("reset", "hang"):
            if answer.ending == "hang":
                self.server.stopping.wait()
            self.server.reset(self.connection)
            self.close_connection = True
            return
        body = answer.body
        length = len(body) if isinstance(body, bytes) else answer.length
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(length))
        for name, text in answer.headers.items():
            self.send_header(name, text)
        self.end_headers()
        for piece in _pieces(answer):
            self.wfile.write(piece)
            if answer.drip_seconds:
                self.wfile.flush()
                self.server.stopping.wait(answer.drip_seconds / _PIECES)
        self.wfile.flush()
        if answer.ending == "cut":
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self.server.clock().astimezone(UTC), usegmt=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the application keeps its own log."""


def _pieces(answer: Answer) -> Iterator[bytes]:
    if not isinstance(answer.body, bytes):
        yield from answer.body
        return
    body = answer.body
    if answer.ending == "cut":
        body = body[: len(body) // 2]
    step = max(1, -(-len(body) // _PIECES)) if answer.drip_seconds else len(body)
    for start in range(0, len(body), step or 1):
        yield body[start : start + step]


def server_tls(server_file: Path) -> ssl.SSLContext:
    """Return the server side of TLS with the certificate and key in one file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_file)
    return context


@contextmanager
def listening(
    application: Application,
    tls: ssl.SSLContext | None,
    clock: Callable[[], datetime],
    port: int = 0,
) -> Iterator[int]:
    """Serve on 127.0.0.1 while the block runs.

    Args:
        application: answers one request; called from many threads.
        tls: the server's certificate, or None for plain HTTP.
        clock: what the Date header says.
        port: 0 for a free one.

    Yields:
        The port.
    """
    server = _Server(application, tls, clock, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.stop()
        thread.join()
