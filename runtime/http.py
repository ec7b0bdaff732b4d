"""HTTP connections to sources and webhooks: a deadline for the whole, and a proxy.

Only our own variables configure a connection. `.netrc`, HTTP_PROXY and the like are
not read: they could replace our credentials, or send them elsewhere.
"""

import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from urllib3 import (
    HTTPConnectionPool,
    HTTPSConnectionPool,
    PoolManager,
    ProxyManager,
    make_headers,
)
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeoutError
from urllib3.util import parse_url
from urllib3.util.ssl_ import create_urllib3_context

from runtime.display import hide
from runtime.environment import Environment, Secret
from runtime.exits import Misuse
from runtime.tls import fixed


def valid_address(url: str) -> SplitResult | None:
    """Return the parts of an address, or None if it has no valid host or port."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is no port
        (parts.hostname or "").encode("idna")
        parse_url(url)
    except (ValueError, HTTPError):
        return None
    host = parts.hostname or "*"
    return None if host.startswith((".", "*")) or " " in host else parts


@dataclass(frozen=True, slots=True)
class Proxy:
    """A company's proxy for outgoing HTTP.

    Attributes:
        url: its address, perhaps with a user and a password; None for no proxy.
        without: hosts that are reached directly, as in NO_PROXY.
    """

    url: Secret | None = None
    without: str = ""

    @classmethod
    def from_environment(cls, variables: Environment) -> "Proxy":
        """Read FEEDS_HTTP_PROXY and FEEDS_HTTP_NO_PROXY.

        Raises:
            Misuse: the proxy is not an address of http or https.
        """
        if not variables.optional("FEEDS_HTTP_PROXY"):
            return cls()
        url = variables.secret("FEEDS_HTTP_PROXY")
        parts = valid_address(url.reveal())
        if not (parts and parts.scheme in ("http", "https") and parts.port):
            raise Misuse(
                "FEEDS_HTTP_PROXY: expected the address of a proxy with its port, such "
                "as http://proxy.example.com:3128, found something else."
            )
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        # A proxy may repeat the header of the login.
        hide([unquote(parts.password or ""), b64encode(login.encode()).decode()])
        return cls(url, variables.text("FEEDS_HTTP_NO_PROXY", ""))

    def address_for(self, url: str) -> str | None:
        """Return the proxy's address for a request to `url`, or None."""
        if self.url is None:
            return None
        from requests.utils import should_bypass_proxies

        return (
            None
            if should_bypass_proxies(url, self.without or "-")
            else self.url.reveal()
        )


def open_pool(
    url: str, ca_file: Path | None, proxy: Proxy, connections: int
) -> PoolManager:
    """Return connections to the host of `url`; threads may share them.

    Args:
        url: an address of the host.
        ca_file: a PEM file of authorities, or None for the public ones.
        proxy: the company's proxy.
        connections: how many are kept open.
    """
    context = fixed(create_urllib3_context())
    context.load_verify_locations(ca_file or _public_authorities())
    options: dict[str, Any] = {"ssl_context": context, "maxsize": connections}
    if address := proxy.address_for(url):
        parts = urlsplit(address)
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        pool: PoolManager = ProxyManager(
            address,
            proxy_headers=make_headers(
                proxy_basic_auth=login if parts.username else None
            ),
            proxy_ssl_context=context,
            **options,
        )
    else:
        pool = PoolManager(**options)
    pool.pool_classes_by_scheme = POOLS
    return pool


def _public_authorities() -> str:
    from certifi import where

    return where()


class Deadline:
    """The end of one exchange; its connections are cut then.

    A time-out of a library is only for each piece that arrives, so that a server
    that sends a byte a minute would be read for ever.
    """

    def __init__(self, seconds: float) -> None:
        """Start; `seconds` is for the whole exchange."""
        self.seconds = seconds
        self.is_over = False
        # The last moment of the server's certificate, if a connection was opened.
        self.certificate_ends: datetime | None = None
        self.ends = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    def watch(self, connection: socket.socket) -> None:
        """Cut this connection at the deadline, too.

        A handle of our own is kept: an answer without a length is read to the end of a
        connection that its owner has closed already.
        """
        with self._lock:
            self._sockets.append(connection.dup())
        if self.is_over:
            self.cut()

    def cut(self) -> None:
        """End the exchange now; another thread may call this."""
        self.is_over = True
        with self._lock:
            for connection in self._sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Close the handles of the connections; the exchange is over."""
        with self._lock:
            for connection in self._sockets:
                connection.close()
            self._sockets.clear()


class _Watchdog:
    """Cuts exchanges at their deadlines, all of them by one thread."""

    def __init__(self) -> None:
        self._exchanges: set[Deadline] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        # When the thread looks again.
        self._wakes = 0.0

    @contextmanager
    def over(self, exchange: Deadline) -> Iterator[None]:
        """Cut the exchange at its deadline, unless the block ends before."""
        with self._changed:
            self._exchanges.add(exchange)
            if not (self._thread and self._thread.is_alive()):  # no thread is forked
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            elif exchange.ends < self._wakes:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._exchanges.discard(exchange)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for exchange in self._exchanges:
                    if exchange.ends <= now and not exchange.is_over:
                        exchange.cut()
                ends = [each.ends for each in self._exchanges if not each.is_over]
                self._wakes = min(ends, default=now + _LONGEST_PAUSE)
                self._changed.wait(self._wakes - now)


_LONGEST_PAUSE = 3600.0  # seconds
_WATCHDOG = _Watchdog()
_current = threading.local()


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Give the requests of this thread so many seconds, from start to last byte.

    Raises:
        urllib3.exceptions.TimeoutError: they were not done in time.
    """
    limit = Deadline(seconds)
    _current.deadline = limit
    try:
        with _WATCHDOG.over(limit):
            yield limit
    except (HTTPError, OSError):  # requests' errors are an OSError
        if not limit.is_over:
            raise
    finally:
        _current.deadline = None
        limit.end()
    if limit.is_over:
        raise HTTPTimeoutError(f"not done after {seconds:.0f} s")


def _watch(twin: socket.socket | None) -> None:
    limit: Deadline | None = getattr(_current, "deadline", None)
    if limit and twin:
        limit.watch(twin)


class _HttpConnection(HTTPConnection):
    # A second handle of the connection: TLS takes the first one over.
    twin: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn()
        self.twin = connection.dup()
        _watch(self.twin)
        return connection

    def request(self, *words: Any, **options: Any) -> None:
        _watch(self.twin)
        super().request(*words, **options)

    def close(self) -> None:
        if self.twin:
            self.twin.close()
            self.twin = None
        super().close()


class _HttpsConnection(_HttpConnection, HTTPSConnection):
    """The same with TLS; the deadline gets the end of the server's certificate."""

    def connect(self) -> None:
        super().connect()
        limit: Deadline | None = getattr(_current, "deadline", None)
        if limit and isinstance(self.sock, ssl.SSLSocket):
            certificate = self.sock.getpeercert()  # an empty one if not verified
            if certificate:
                seconds = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
                limit.certificate_ends = datetime.fromtimestamp(seconds, UTC)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


POOLS = {"http": _HttpPool, "https": _HttpsPool}
