"""What every stand-in does with a request: wait, find the fault, respond, log.

An `Api` makes the response; `faults` and `corruption` damage it.
"""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from requests import Session

from sandbox import certificates, http_server
from sandbox.corruption import Fault, corrupt_response
from sandbox.faults import Schedule
from sandbox.http_server import Request, Response, error_response
from sandbox.records import Query, Records


class HttpError(Exception):
    """The API refuses a request; its response has a status from 400 to 499."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.response = error_response(status, message, **headers)


@dataclass(frozen=True, slots=True)
class Call:
    """A request, parsed but not checked.

    Attributes:
        endpoint: "list", "count", "orders", ... or "" for an unknown one.
        record_type: the type of the records; None where the request gives none.
        body: the parsed JSON; None where there is none, or it is not JSON.
        parameters: of the query string.
        page: the number of the page, where the request gives one.
        size: the records of a page, likewise.
    """

    endpoint: str
    record_type: int | None
    body: Any = None
    parameters: dict[str, list[str]] = field(default_factory=dict)
    page: Any = None
    size: Any = None


class Api(Protocol):
    """How one kind of server responds."""

    def parse(self, request: Request) -> Call:
        """Parse a request as far as possible; never fails."""

    def respond(self, request: Request, call: Call, fault: Fault | None) -> Response:
        """Respond to a call; a fault may choose another page and damage its rows.

        Raises:
            HttpError: the request is refused.
        """


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request, the status of its response, and its fault."""

    number: int
    method: str
    path: str
    endpoint: str
    record_type: int | None
    page: Any
    size: Any
    status: int
    fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A running stand-in.

    Attributes:
        url: the base address.
        ca_file: what a client must trust; None for plain HTTP.
        records: the data; may be changed while the server runs.
        requests: the log, in the order of the responses.
    """

    url: str
    ca_file: Path | None
    records: Records
    requests: list[LogEntry] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every request needs."""
        return {}

    def session(self) -> Session:
        """Return a session with credentials for the server; close it after use."""
        session = Session()
        # Otherwise a bundle named in the environment would override `verify`.
        session.trust_env = False
        session.headers.update(self.headers)
        session.verify = str(self.ca_file) if self.ca_file else True
        return session


@dataclass(frozen=True, slots=True)
class Behavior:
    """How a server behaves, whatever its API.

    Attributes:
        latency_ms: how long every response waits, in milliseconds.
        gzip: whether bodies are compressed for clients that accept it.
        validation_key: spelling in the body of a 409.
    """

    latency_ms: float = 0
    gzip: bool = False
    validation_key: str = "ProperyName"


class RequestHandler:
    """Handles each request of one server; called from many threads."""

    def __init__(
        self, api: Api, records: Records, schedule: Schedule, behavior: Behavior
    ) -> None:
        self.log: list[LogEntry] = []
        self._api = api
        self._records = records
        self._schedule = schedule
        self._behavior = behavior
        self._lock = threading.Lock()

    @contextmanager
    def serving(
        self, folder: Path, tls: bool, port: int
    ) -> Iterator[tuple[str, Path | None]]:
        """Serve while the block runs.

        Args:
            folder: a private one, for the certificates.
            tls: HTTPS with a temporary authority, or plain HTTP.
            port: on 127.0.0.1; 0 for a free one.

        Yields:
            The address without a path, and the authority's file.
        """
        files = certificates.make(folder) if tls else None
        server_file = files.server_file if files else None
        with http_server.serve(self.handle, server_file, port) as bound_port:
            yield (
                f"{'https' if tls else 'http'}://localhost:{bound_port}",
                files.ca_file if files else None,
            )

    def handle(self, request: Request) -> Response:
        """Respond to one request, with its fault if one is due."""
        time.sleep(self._behavior.latency_ms / 1000)
        call = self._api.parse(request)
        fault = self._schedule.next(call.endpoint, call.record_type)
        if fault and fault.name == "shift" and call.record_type:
            self._shift(call.record_type, fault.value)
        try:
            response = self._api.respond(request, call, fault)
        except HttpError as error:
            response = error.response
        accepted = request.headers.get("accept-encoding", "")
        if fault:
            response = corrupt_response(fault, response, self._behavior.validation_key)
        elif self._behavior.gzip and "gzip" in accepted:
            response.body = gzip.compress(response.whole_body(), 1)
            response.headers["Content-Encoding"] = "gzip"
        with self._lock:
            self.log.append(
                LogEntry(
                    len(self.log) + 1,
                    request.method,
                    request.path,
                    call.endpoint,
                    call.record_type,
                    call.page,
                    call.size,
                    response.status,
                    fault.spec if fault else None,
                )
            )
        return response

    def _shift(self, record_type: int, value: str) -> None:
        # One row more, or one fewer, at the front: every later page moves by one.
        first = self._records.page(Query(record_type), 1, 1)
        if first and value == "+1":
            self._records.insert(record_type, first[0], first=True)
        elif first:
            self._records.delete_first(record_type)
