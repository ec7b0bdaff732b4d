"""One request: bounded in size and time, retried where that can help.

temporary   time-outs, resets, 429, 5xx, bodies that do not parse: tried again
refused     400, 401, 403, 404 ...: the request or the credentials are wrong
hostile     JSON that no correct server sends (see strict_json): never tried again
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
import tenacity
import urllib3
from msgspec import Meta
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from extract.strict_json import parse
from runtime.command import LOG
from runtime.exits import Misuse, Refused, Temporary

Value = TypeVar("Value")


class HttpLimits(msgspec.Struct, frozen=True):
    """What one request may cost: the variables FEEDS_HTTP_<NAME>.

    Attributes:
        timeout: seconds to connect, and between two pieces of an answer.
        attempts: how often a request is made before the source counts as down.
        longest_wait: seconds; the longest wait before another attempt.
        body_limit: bytes of one answer after decompression.
    """

    timeout: Annotated[float, Meta(ge=0.1, le=3600)] = 60
    attempts: Annotated[int, Meta(ge=1, le=100)] = 6
    longest_wait: Annotated[float, Meta(ge=0, le=3600)] = 60
    body_limit: Annotated[int, Meta(ge=1024, le=10**9)] = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the variables of a source, for messages that say what to fix.

    Attributes:
        prefix: before _URL and _CA_FILE.
        credentials: the variables of the login.
    """

    prefix: str
    credentials: str

    def advice(self, status: int) -> str:
        """Return what to do after an HTTP status that another attempt cannot fix."""
        if status in (400, 401):
            return f"Check {self.credentials}" + (
                f", and {self.prefix}_URL." if status == 400 else "."
            )
        if status == 403:
            return "Give the API user's role the right to view this record type."
        return f"Check {self.prefix}_URL."


@dataclass(slots=True)
class RequestCounts:
    """What the requests of a run have cost so far."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    source_clock: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class _TryAgainError(Exception):
    """A failure that another attempt may fix; `wait` is what the server asked for."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.wait = wait


class Transport:
    """An HTTP client of one source; threads may share it.

    Args:
        base: the address that every path is appended to.
        headers: sent with every request, credentials among them; never shown.
        ca_file: a PEM file to verify the server with, or None for the public ones.
        limits: what one request may cost.
        names: what to call the source's variables.
    """

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str],
        ca_file: Path | None,
        limits: HttpLimits,
        names: Names,
    ) -> None:
        self.base = base.rstrip("/")
        self.counts = RequestCounts()
        self._headers = dict(headers)
        self._verify: str | bool = str(ca_file) if ca_file else True
        self._limits = limits
        self._names = names
        self._local = threading.local()
        self._ended = threading.Event()

    def end(self) -> None:
        """Stop all waiting and retrying, in every thread."""
        self._ended.set()

    def ask(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], Value],
        **arguments: Any,
    ) -> tuple[bytes, Value]:
        """Make one request, again where that can help.

        Args:
            method: GET, POST or PUT. Order Time reads by all three.
            path: what to append to the base address.
            read: makes a value of the body; its ValueError is worth another attempt.
            **arguments: `json` or `params`, as `requests` takes them.

        Returns:
            The body as received (decompressed), and what `read` made of it.

        Raises:
            Misuse: the server says that the request or the credentials are wrong.
            Refused: `read` refused the body.
            Temporary: no attempt succeeded.
        """
        try:
            return tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(_TryAgainError),
                stop=tenacity.stop_any(
                    tenacity.stop_after_attempt(self._limits.attempts),
                    tenacity.stop_when_event_set(self._ended),
                ),
                wait=self._wait,
                sleep=tenacity.sleep_using_event(self._ended),
                before_sleep=self._note,
                reraise=True,
            )(self._once, method, path, read, arguments)
        except _TryAgainError as error:
            raise Temporary(
                f"{self.base}/{path} gave no usable answer in {self._limits.attempts} "
                f"attempts; the last: {error}. Nothing has changed here; try later. "
                f"If it stays so, check {self._names.prefix}_URL."
            ) from None

    def _wait(self, state: tenacity.RetryCallState) -> float:
        # Full jitter: many clients that failed together must not return together.
        guess = tenacity.wait_random_exponential(
            multiplier=0.5, max=self._limits.longest_wait
        )(state)
        error = state.outcome.exception() if state.outcome else None
        wish = error.wait if isinstance(error, _TryAgainError) else 0
        return max(guess, min(wish, self._limits.longest_wait))

    def _note(self, state: tenacity.RetryCallState) -> None:
        with self.counts.lock:
            self.counts.retries += 1
        error = state.outcome.exception() if state.outcome else None
        path = state.args[1]
        wait = state.next_action.sleep if state.next_action else 0
        LOG.info(f"retry path={path} after={wait:.1f}s because={error}")

    def _once(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], Value],
        arguments: Mapping[str, Any],
    ) -> tuple[bytes, Value]:
        try:
            with self._session().request(
                method,
                f"{self.base}/{path}",
                timeout=self._limits.timeout,
                stream=True,
                allow_redirects=False,
                **arguments,
            ) as response:
                body = self._body(response)
                self._judge(response, body, path)
        except requests.exceptions.SSLError as error:
            raise Misuse(
                f"{self.base}: the server's certificate could not be verified "
                f"({_reason(error)}). Name its authority in "
                f"{self._names.prefix}_CA_FILE."
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _TryAgainError(f"{type(error).__name__} ({_reason(error)})") from None
        try:
            return body, read(body)
        except ValueError as error:
            start = body[:60].decode("utf-8", "replace")
            raise _TryAgainError(
                f"expected JSON, found {len(body)} bytes that begin {start!r} ({error})"
            ) from None
        except Refused as error:
            raise Refused(f"{self.base}/{path}: {error}") from None

    def _session(self) -> requests.Session:
        # One session a thread: requests does not promise that they can be shared.
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers.update(self._headers)
            session.verify = self._verify
            session.trust_env = False  # a .netrc must not replace our credentials
            self._local.session = session
        return session

    def _body(self, response: requests.Response) -> bytes:
        body = bytearray()
        for piece in response.raw.stream(65536, decode_content=True):
            body += piece
            if len(body) > self._limits.body_limit:
                raise Refused(
                    f"{response.url.split('?')[0]}: expected at most "
                    f"{self._limits.body_limit:,} bytes, found more. Lower the page "
                    "size, or raise FEEDS_HTTP_BODY_LIMIT if such answers are right."
                )
        with self.counts.lock:
            self.counts.requests += 1
            self.counts.bytes += len(body)
            if self.counts.source_clock is None:
                self.counts.source_clock = response.headers.get("Date")
        return bytes(body)

    def _judge(self, response: requests.Response, body: bytes, path: str) -> None:
        status = response.status_code
        if status == 200:
            return
        message = _message(body)
        if status == 429 or status >= 500:
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
        text = body.decode("utf-8", "replace")
    return " ".join(str(text).split())[:200]


def _seconds(retry_after: str | None) -> float:
    """Return Retry-After in seconds (RFC 9110 10.2.3); 0 where it is unreadable."""
    try:
        seconds = Retry().parse_retry_after(retry_after) if retry_after else None
    except InvalidHeader:
        return 0
    return seconds or 0


def _reason(error: BaseException) -> str:
    """Return the innermost cause on one line, without addresses of objects."""
    while inner := (error.__cause__ or error.__context__):
        error = inner
    return " ".join(str(error).split())[:200] or type(error).__name__


def check_address(name: str, url: str) -> str:
    """Return `url` if it is https, or plain http to this very machine.

    Raises:
        Misuse: anything else: credentials must not travel in clear.
    """
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (
        parts.scheme == "https" or (parts.scheme == "http" and local)
    ):
        raise Misuse(f"{name} must be an https:// address, but is {url!r}.")
    return url
