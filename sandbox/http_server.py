"""HTTP/1.1 over TLS or plain, kept alive, one thread for each connection.

It knows no API: it passes each request to one function and sends the response.
"""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from runtime.log import LOG
from sandbox.jsontext import text_of

_JSON = "application/json; charset=utf-8"
_LARGEST_BODY = 2**20
_PIECES = 20
# SO_LINGER with a time of 0: closing sends RST in place of FIN.
_LINGER_0 = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `path` with its query, headers by lower-case name."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Response:
    """Status, headers, body, and what happens to the connection.

    Attributes:
        status: the HTTP status code.
        body: the bytes; or chunks of them, with their total in `length`.
        length: the Content-Length; None for the length of `body`.
        content_type: the Content-Type.
        headers: further headers.
        ending: keep the connection; cut it after half the body; reset it without
            a response; or hang until the client or the server gives up.
        drip_seconds: how long the body takes, sent in small pieces.
    """

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    length: int | None = None
    content_type: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)
    ending: Literal["keep", "cut", "reset", "hang"] = "keep"
    drip_seconds: float = 0.0

    def whole_body(self) -> bytes:
        """Return the body in one piece."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)


def error_response(status: int, message: str, **headers: str) -> Response:
    """Return an error with the body `{"Message": "..."}`, which both APIs send."""
    return Response(status, text_of({"Message": message}).encode(), headers=headers)


Application = Callable[[Request], Response]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(
        self, application: Application, tls: ssl.SSLContext | None, port: int
    ) -> None:
        self.application = application
        self.stopping = threading.Event()
        self._tls = tls
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        # The handshake happens in the thread: a slow client delays no other.
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
        """Ignore clients that disconnect: the tests make them do so."""

    def reset(self, request: socket.socket) -> None:
        """Make the connection end with a reset once its thread is done."""
        request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
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
            # The plain socket: a TLS shutdown would wait for the client.
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

    def _handle(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._send(error_response(413, "The body is too large"))
            return
        request = Request(
            self.command,
            self.path,
            {name.lower(): text for name, text in self.headers.items()},
            self.rfile.read(int(length)),
        )
        try:
            response = self.server.application(request)
        except Exception as error:
            # A bug of the stand-in must not look like a fault that was asked for.
            LOG.exception("sandbox failed", path=self.path)
            response = error_response(500, f"The stand-in itself failed: {error!r}")
        self._send(response)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _handle  # noqa: N815 (their name)

    def _send(self, response: Response) -> None:
        if response.ending in ("reset", "hang"):
            if response.ending == "hang":
                self.server.stopping.wait()
            self.server.reset(self.connection)
            self.close_connection = True
            return
        body = response.body
        length = len(body) if isinstance(body, bytes) else response.length
        self.send_response_only(response.status)
        for name, text in (response.headers | self._standard(response)).items():
            self.send_header(name, text)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        for piece in _pieces(response):
            self.wfile.write(piece)
            if response.drip_seconds:
                self.wfile.flush()
                self.server.stopping.wait(response.drip_seconds / _PIECES)
        self.wfile.flush()
        if response.ending == "cut":
            self.close_connection = True

    def _standard(self, response: Response) -> dict[str, str]:
        date = response.headers.get("Date", self.date_time_string())
        return {"Server": self.version_string(), "Date": date}

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: the application has its own log."""


def _pieces(response: Response) -> Iterator[bytes]:
    if not isinstance(response.body, bytes):
        yield from response.body
        return
    body = response.body
    if response.ending == "cut":
        body = body[: len(body) // 2]
    step = max(1, -(-len(body) // _PIECES)) if response.drip_seconds else len(body)
    for start in range(0, len(body), step or 1):
        yield body[start : start + step]


@contextmanager
def serve(
    application: Application, server_file: Path | None, port: int = 0
) -> Iterator[int]:
    """Serve on 127.0.0.1 while the block runs.

    Args:
        application: answers one request; called from many threads.
        server_file: the certificate and key for TLS; None for plain HTTP.
        port: 0 for a free one.

    Yields:
        The port.
    """
    tls = None
    if server_file:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(server_file)
    server = _Server(application, tls, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.stop()
        thread.join()
