"""What every stand-in does with a request: wait, find the fault, answer, write it down.

What the answer is, a `Service` says; what goes wrong with it, `faults` and `damage`.
"""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from requests import Session

from sandbox import certificates, transport
from sandbox.answer import Answer
from sandbox.damage import change_answer
from sandbox.faults import Fault, Schedule
from sandbox.query import Query
from sandbox.records import Records
from sandbox.transport import Request


@dataclass(frozen=True, slots=True)
class Call:
    """A request as far as it is understood before it is answered.

    Attributes:
        endpoint: "list", "count", "orders", ... or "" for none.
        record_type: which records it asks about; None where it does not say.
        body: the parsed JSON; None where there is none, or it is not JSON.
        parameters: of the query string.
        page: the number of the page, where it asks for one; unchecked.
        size: the records of a page, likewise.
    """

    endpoint: str
    record_type: int | None
    body: Any = None
    parameters: dict[str, str] = field(default_factory=dict)
    page: Any = None
    size: Any = None


class Service(Protocol):
    """What one kind of server answers."""

    def understand(self, request: Request) -> Call:
        """Read what is asked, as far as it can be read."""

    def answer(self, request: Request, call: Call, fault: Fault | None) -> Answer:
        """Answer one call; a fault may choose another page and damage its rows."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of the server's log: what was asked, and what it said."""

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
class Running:
    """A running stand-in.

    Attributes:
        url: the base address.
        ca_file: what a client must trust; None for plain HTTP.
        records: the data; may be changed while the server runs.
        requests: the log, in the order of the answers.
    """

    url: str
    ca_file: Path | None
    records: Records
    requests: list[Seen] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every request needs."""
        return {}

    def session(self) -> Session:
        """Return a session that may speak with the server; close it after use."""
        session = Session()
        # Else a bundle named in the environment would win over `verify`.
        session.trust_env = False
        session.headers.update(self.headers)
        session.verify = str(self.ca_file) if self.ca_file else True
        return session


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a server behaves, whatever it answers.

    Attributes:
        latency_ms: how long every answer waits, in milliseconds.
        gzip: whether bodies are compressed for clients that accept it.
        clock: what the Date header says.
        validation_key: spelling in the body of a 409.
    """

    latency_ms: float = 0
    gzip: bool = False
    clock: Callable[[], datetime] = _utc_now
    validation_key: str = "ProperyName"


class Desk:
    """Takes each request of one server; called from many threads."""

    def __init__(
        self, service: Service, records: Records, schedule: Schedule, manner: Manner
    ) -> None:
        self.log: list[Seen] = []
        self._service = service
        self._records = records
        self._schedule = schedule
        self._manner = manner
        self._lock = threading.Lock()

    @contextmanager
    def listening(
        self, place: Path, tls: bool, port: int
    ) -> Iterator[tuple[str, Path | None]]:
        """Serve while the block runs.

        Args:
            place: a private folder for the certificates.
            tls: HTTPS with a throw-away authority, or plain HTTP.
            port: on 127.0.0.1; 0 for a free one.

        Yields:
            The address without a path, and the authority's file.
        """
        files = certificates.make(place) if tls else None
        context = transport.server_tls(files.server_file) if files else None
        clock = self._manner.clock
        with transport.listening(self.answer, context, clock, port) as bound:
            yield (
                f"{'https' if tls else 'http'}://localhost:{bound}",
                files.ca_file if files else None,
            )

    def answer(self, request: Request) -> Answer:
        """Answer one request, damaged if a fault is due."""
        time.sleep(self._manner.latency_ms / 1000)
        call = self._service.understand(request)
        fault = self._schedule.next(call.endpoint, call.record_type)
        if fault and fault.name == "shift" and call.record_type:
            self._shift(call.record_type, fault.value)
        given = self._service.answer(request, call, fault)
        accepted = request.headers.get("accept-encoding", "")
        if fault:
            key = self._manner.validation_key
            given = change_answer(fault.name, fault.value, fault.options, given, key)
        elif self._manner.gzip and "gzip" in accepted:
            given.body = gzip.compress(given.whole(), 1)
            given.headers["Content-Encoding"] = "gzip"
        self._note(request, call, given, fault)
        return given

    def _shift(self, record_type: int, value: str) -> None:
        # One row more, or one fewer, at the front: every later page moves by one.
        first = self._records.page(Query(record_type), 1, 1)
        if first and value == "+1":
            self._records.insert(record_type, first[0], first=True)
        elif first:
            self._records.delete_first(record_type)

    def _note(
        self, request: Request, call: Call, given: Answer, fault: Fault | None
    ) -> None:
        with self._lock:
            self.log.append(
                Seen(
                    len(self.log) + 1,
                    request.method,
                    request.path,
                    call.endpoint,
                    call.record_type,
                    call.page,
                    call.size,
                    given.status,
                    fault.spec if fault else None,
                )
            )
