"""One request: bounded in size and time, retried where that can help.

temporary   time-outs, resets, 408, 425, 429, 5xx, bodies that do not parse: tried again
refused     400, 401, 403, 404 ...: the request or the credentials are wrong
hostile     JSON that no correct server sends (see strict_json): never tried again
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec
import tenacity
from msgspec import Meta
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, ProxyError, SSLError

from extract.strict_json import parse
from runtime.display import beginning
from runtime.exits import Misuse, Refused, Temporary
from runtime.http import Deadline, Proxy, deadline, open_pool, valid_address
from runtime.log import LOG

Value = TypeVar("Value")


class HttpLimits(msgspec.Struct, frozen=True):
    """What one request may cost: the variables FEEDS_HTTP_<NAME>.

    Attributes:
        timeout: seconds to connect, and between two pieces of an answer.
        attempts: how often a request is made before the source counts as down.
        longest_wait: seconds; the longest wait before another attempt, unless the
            server asks for a longer one (Retry-After).
        body_limit: bytes of one answer after decompression.
        request_seconds: for one request, with all attempts and waits.
        list_seconds: for all requests of one list.
    """

    timeout: Annotated[float, Meta(ge=0.1, le=3600)] = 60
    attempts: Annotated[int, Meta(ge=1, le=100)] = 6
    longest_wait: Annotated[float, Meta(ge=0, le=3600)] = 60
    body_limit: Annotated[int, Meta(ge=1024, le=10**9)] = 64 * 2**20
    request_seconds: Annotated[float, Meta(ge=1, le=86400)] = 900
    list_seconds: Annotated[float, Meta(ge=1, le=86400)] = 14400


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the variables of a source, for messages that say what to fix.

    Attributes:
        prefix: before _URL and _CA_FILE.
        credentials: the variables of the login.
        address: what has the address, if it is not `<prefix>_URL`.
    """

    prefix: str
    credentials: str
    address: str = ""

    def __post_init__(self) -> None:
        """Take the usual name of the address."""
        if not self.address:
            object.__setattr__(self, "address", f"{self.prefix}_URL")

    def advice(self, status: int) -> str:
        """Return what to do after an HTTP status that another attempt cannot fix."""
        if status in (400, 401):
            return f"Check {self.credentials}" + (
                f", and {self.address}." if status == 400 else "."
            )
        if status == 403:
            return "Give the API user's role the right to view this record type."
        return f"Check {self.address}."


@dataclass(slots=True)
class RequestCounts:
    """What the requests of a run have cost so far.

    Attributes:
        source_clock: the source's Date header, of the first answer that has one.
        clock_ahead: seconds that our clock is ahead of it.
        certificate_ends: the last moment of the source's certificate; None without TLS.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    source_clock: datetime | None = None
    clock_ahead: float | None = None
    certificate_ends: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Answer(NamedTuple):
    """An answer with status 200: its body (decompressed), headers and value."""

    body: bytes
    headers: Mapping[str, str]
    value: Any


class _TryAgainError(Exception):
    """A failure that another attempt may fix; `wait` is what the server asked for."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.wait = wait


class _CertificateError(HTTPError):
    """TLS failed before there was an answer."""


# Seconds; a server that asks for more is not read any further.
_LONGEST = 366 * 86400.0
_CLOCKS_DIFFER = 3600.0  # seconds
_CONNECTIONS = 64  # the most that FEEDS_CONNECTIONS can be
# Statuses that ask for another attempt: RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4.
_LATER = (408, 425, 429)


class Transport:
    """An HTTP client of one source; threads may share it.

    Args:
        base: the address that every path is appended to.
        headers: sent with every request, credentials among them; never shown.
        ca_file: a PEM file to verify the server with, or None for the public ones.
        limits: what one request may cost.
        names: what to call the source's variables.
        proxy: the company's proxy.
    """

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str],
        ca_file: Path | None,
        limits: HttpLimits,
        names: Names,
        proxy: Proxy,
    ) -> None:
        self.base = base.rstrip("/")
        self.counts = RequestCounts()
        self._headers = {"Accept-Encoding": "gzip, deflate", **headers}
        self._limits = limits
        self._names = names
        self._pool = open_pool(self.base, ca_file, proxy, _CONNECTIONS)
        self._ended = threading.Event()
        self._open: set[Deadline] = set()
        self._list_ends = time.monotonic() + limits.list_seconds

    def start_list(self) -> None:
        """Give the requests that follow the time of one list."""
        self._list_ends = time.monotonic() + self._limits.list_seconds

    def end(self) -> None:
        """Stop all requests, waits and retries, in every thread."""
        self._ended.set()
        for exchange in tuple(self._open):
            exchange.cut()

    def ask(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], Value],
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
    ) -> tuple[bytes, Value]:
        """Make one request, again where that can help.

        Args:
            method: GET, POST or PUT. Order Time reads by all three.
            path: what to append to the base address.
            read: makes a value of the body; its ValueError is worth another attempt.
            json: what to send as JSON.
            params: the query of the address.

        Returns:
            The body as received (decompressed), and what `read` made of it.

        Raises:
            Misuse: the server says that the request or the credentials are wrong.
            Refused: `read` refused the body.
            Temporary: no attempt succeeded.
        """
        target = f"{path}?{urlencode(params)}" if params else path
        answer = self.fetch(method, target, read, {}, json=json)
        return answer.body, answer.value

    def fetch(
        self,
        method: str,
        target: str,
        read: Callable[[bytes], Any],
        headers: Mapping[str, str],
        **sent: Any,
    ) -> Answer:
        """Make one request, again where that can help; `ask` has its errors.

        Args:
            method: of HTTP.
            target: the path below the base address, with its query.
            read: makes a value of the body; its ValueError is worth another attempt.
            headers: sent beside those of the transport.
            sent: `json` or `body`, if there is one.
        """
        path = target.partition("?")[0]
        began = time.monotonic()
        left = self._list_ends - began
        seconds = min(self._limits.request_seconds, left)
        if left <= 0:
            raise self._out_of_time(path)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryAgainError),
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self._limits.attempts),
                tenacity.stop_before_delay(seconds),
                tenacity.stop_when_event_set(self._ended),
            ),
            wait=self._wait,
            sleep=tenacity.sleep_using_event(self._ended),
            before_sleep=self._note,
            reraise=True,
        )
        try:
            return retrying(
                self._once, method, path, target, headers, sent, read, began + seconds
            )
        except _TryAgainError as error:
            if time.monotonic() >= self._list_ends:
                raise self._out_of_time(path) from None
            attempts = retrying.statistics["attempt_number"]
            late = (
                f" No other attempt fits in {seconds:.0f} s ("
                "FEEDS_HTTP_REQUEST_SECONDS)."
                if attempts < self._limits.attempts
                else ""
            )
            raise Temporary(
                f"{self.base}/{path} gave no usable answer in {attempts} attempts; "
                f"the last: {error}.{_until(error.wait)}{late} Nothing has changed "
                f"here; try later. If it stays so, check {self._names.address}."
            ) from None

    def _out_of_time(self, path: str) -> Temporary:
        return Temporary(
            f"{self.base}/{path}: the list was not complete after "
            f"{self._limits.list_seconds:.0f} s (FEEDS_HTTP_LIST_SECONDS). Try later: "
            "the run goes on where it stopped."
        )

    def _wait(self, state: tenacity.RetryCallState) -> float:
        # Full jitter: many clients that failed together must not return together.
        guess = tenacity.wait_random_exponential(
            multiplier=0.5, max=self._limits.longest_wait
        )(state)
        error = state.outcome.exception() if state.outcome else None
        return max(guess, error.wait if isinstance(error, _TryAgainError) else 0)

    def _note(self, state: tenacity.RetryCallState) -> None:
        with self.counts.lock:
            self.counts.retries += 1
        error = state.outcome.exception() if state.outcome else None
        path = state.args[1]
        wait = state.next_action.sleep if state.next_action else 0
        LOG.info("retry", path=path, pause=wait, because=error)

    def _once(
        self,
        method: str,
        path: str,
        target: str,
        headers: Mapping[str, str],
        sent: Mapping[str, Any],
        read: Callable[[bytes], Any],
        ends: float,
    ) -> Answer:
        try:
            with (
                self._exchange(ends),
                self._send(method, target, headers, sent) as response,
            ):
                body = self._body(response, path)
                self._judge(response, body, path)
        except _CertificateError as error:
            raise Misuse(
                f"{self.base}: the server's certificate could not be verified "
                f"({_reason(error)}). Name its authority in "
                f"{self._names.prefix}_CA_FILE."
            ) from None
        except ProxyError as error:
            raise _proxy_failure(_reason(error)) from None
        except HTTPError as error:
            raise _TryAgainError(f"{type(error).__name__} ({_reason(error)})") from None
        try:
            return Answer(body, response.headers, read(body))
        except ValueError as error:
            start = beginning(body, 60)
            raise _TryAgainError(
                f"expected JSON, found {len(body)} bytes that begin {start!r} ({error})"
            ) from None
        except Refused as error:
            raise Refused(f"{self.base}/{path}: {error}") from None

    @contextmanager
    def _exchange(self, ends: float) -> Iterator[None]:
        with deadline(max(0.1, ends - time.monotonic())) as exchange:
            self._open.add(exchange)
            if self._ended.is_set():
                exchange.cut()
            try:
                yield
            finally:
                self._open.discard(exchange)
            if exchange.certificate_ends:
                self.counts.certificate_ends = exchange.certificate_ends

    def _send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        sent: Mapping[str, Any],
    ) -> BaseHTTPResponse:
        try:
            return self._pool.request(
                method,
                f"{self.base}/{target}",
                headers={**self._headers, **headers},
                **sent,
                timeout=self._limits.timeout,
                retries=False,
                preload_content=False,
            )
        except SSLError as error:
            raise _CertificateError from error

    def _body(self, response: BaseHTTPResponse, path: str) -> bytes:
        limit = self._limits.body_limit
        length = response.length_remaining
        if length and length <= limit and "Content-Encoding" not in response.headers:
            body = response.read()  # a read with a limit copies a body twice
        else:
            body = response.read(limit + 1)
        if len(body) > self._limits.body_limit:
            raise Refused(
                f"{self.base}/{path}: expected at most {self._limits.body_limit:,} "
                "bytes, found more. Lower the page size, or raise "
                "FEEDS_HTTP_BODY_LIMIT if such answers are right."
            )
        with self.counts.lock:
            self.counts.requests += 1
            self.counts.bytes += len(body)
            self._compare_clocks(response.headers.get("Date"))
        return body

    def _compare_clocks(self, date: str | None) -> None:
        if self.counts.source_clock or not (moment := parse_date(date)):
            return
        ahead = (datetime.now(UTC) - moment).total_seconds()
        self.counts.source_clock, self.counts.clock_ahead = moment, round(ahead)
        if abs(ahead) > _CLOCKS_DIFFER:
            LOG.warning(
                "clocks differ",
                clock_ahead_seconds=round(ahead),
                because=f"this machine is {abs(ahead) / 3600:.1f} h "
                f"{'ahead of' if ahead > 0 else 'behind'} the source, which has "
                f"{moment:%Y-%m-%dT%H:%M:%SZ}. Correct the clock that is wrong before "
                "anything is published.",
            )

    def _judge(self, response: BaseHTTPResponse, body: bytes, path: str) -> None:
        status = response.status
        if status == 200:
            return
        message = _message(body)
        if status in _LATER or status >= 500:
            wait = _seconds(response.headers.get("Retry-After"))
            raise _TryAgainError(f"status {status} {message}".strip(), wait)
        raise Misuse(
            f"{self.base}/{path}: expected status 200, found {status} {message}. "
            + self._names.advice(status)
        )


def _message(body: bytes) -> str:
    """Return the server's message, from {"Message": ...} or as text, on one line."""
    try:
        value = parse(body)
        text = value.get("Message", "") if isinstance(value, dict) else str(value)
    except (ValueError, Refused):
        return beginning(body, 200)
    return beginning(str(text), 200)


def _seconds(retry_after: str | None) -> float:
    """Return Retry-After in seconds (RFC 9110 10.2.3); 0 where it is unreadable."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST)
    moment = parse_date(text)
    if moment is None:
        return 0
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), _LONGEST)


def parse_date(text: str | None) -> datetime | None:
    """Return an HTTP date in UTC, or None where it is none."""
    try:
        moment = parsedate_to_datetime(text or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _until(wait: float) -> str:
    if not wait:
        return ""
    moment = datetime.now(UTC) + timedelta(seconds=wait)
    return f" The source asks to wait until {moment:%Y-%m-%dT%H:%M:%SZ}."


def _proxy_failure(reason: str) -> Exception:
    if "407" in reason:
        return Misuse(
            f"the proxy refuses us ({reason}). Check user and password in "
            "FEEDS_HTTP_PROXY."
        )
    return _TryAgainError(f"the proxy of FEEDS_HTTP_PROXY failed ({reason})")


def _reason(error: BaseException) -> str:
    """Return the innermost cause on one line, without addresses of objects."""
    while inner := (error.__cause__ or error.__context__):
        error = inner
    return beginning(str(error), 200) or type(error).__name__


def check_address(name: str, url: str) -> str:
    """Return `url` if it is https, or plain http to this very machine.

    Raises:
        Misuse: anything else: credentials must not travel in clear, and the address is
            shown and recorded.
    """
    parts = valid_address(url)
    if parts and "@" in parts.netloc:
        raise Misuse(
            f"{name}: expected an address without a user and a password, found one "
            "before the @. Set the variables of the source's login."
        )
    local = parts and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise Misuse(f"{name} must be an https:// address, but is {url!r}.")
    return url
