"""A stand-in of the Order Time REST API: faithful, read-only, faulty on request.

with ordertime.serve(Sample(items=2000), faults=["3:500"]) as server:
    session.post(f"{server.url}/list", json={"Type": 101}, verify=server.ca_file)
    assert server.requests[-1].status == 200
"""

import gzip
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from requests import Session

from sandbox import certificates, folder, transport
from sandbox.answer import Answer
from sandbox.damage import change_answer
from sandbox.faults import Fault, Schedule
from sandbox.query import Query
from sandbox.records import Records
from sandbox.sample import Sample
from sandbox.service import Call, Credentials, Service, understand
from sandbox.switches import Switches
from sandbox.transport import Request

Source = Sample | Path | Mapping[int, Iterable[folder.Row]]


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of the server's log: what was asked, and what it said."""

    number: int
    method: str
    path: str
    endpoint: str
    record_type: int | None
    page: int | None
    size: int | None
    status: int
    fault: str | None


@dataclass(frozen=True, slots=True)
class Server:
    """A running stand-in.

    Attributes:
        url: the base address, with `/api`.
        ca_file: what a client must trust; None for plain HTTP.
        credentials: what a client must send.
        records: the data; may be changed while the server runs.
        requests: the log, in the order of the answers.
    """

    url: str
    ca_file: Path | None
    credentials: Credentials
    records: Records
    requests: list[Seen] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every request needs."""
        return {
            "apiKey": self.credentials.api_key,
            "email": self.credentials.email,
            "password": self.credentials.password,
        }

    def session(self) -> Session:
        """Return a session that may speak with the server; close it after use."""
        session = Session()
        # Else a bundle named in the environment would win over `verify`.
        session.trust_env = False
        session.headers.update(self.headers)
        session.verify = str(self.ca_file) if self.ca_file else True
        return session

    @property
    def variables(self) -> dict[str, str]:
        """The environment that lets `extract` read from here."""
        found = {
            "ORDERTIME_URL": self.url,
            "ORDERTIME_API_KEY": self.credentials.api_key,
            "ORDERTIME_EMAIL": self.credentials.email,
            "ORDERTIME_PASSWORD": self.credentials.password,
        }
        return found | (
            {"ORDERTIME_CA_FILE": str(self.ca_file)} if self.ca_file else {}
        )


@contextmanager
def serve(
    source: Source,
    *,
    faults: Iterable[str | Fault] = (),
    switches: Switches | None = None,
    latency_ms: float = 0,
    tls: bool = True,
    port: int = 0,
) -> Iterator[Server]:
    """Serve records while the block runs.

    Args:
        source: a made-up sample, a folder of JSON files (see `folder.load`), or
            records by record type.
        faults: what goes wrong, and when (see `faults.parse`).
        switches: how to behave where the vendor's documents are silent.
        latency_ms: how long every answer waits, in milliseconds.
        tls: HTTPS with a throw-away authority, or plain HTTP.
        port: on 127.0.0.1; 0 for a free one.

    Yields:
        Address, log and records.

    Raises:
        Misuse: a fault or a file of the source is not as it should be.
    """
    switches = switches or Switches()
    schedule = Schedule(faults)
    with tempfile.TemporaryDirectory(prefix="sandbox-") as name:
        place = Path(name)
        records = Records(place)
        try:
            _fill(records, source)
            files = certificates.make(place) if tls else None
            desk = _Desk(records, schedule, switches, latency_ms)
            context = transport.server_tls(files.server_file) if files else None
            with transport.listening(desk.answer, context, desk.now, port) as bound:
                yield Server(
                    f"{'https' if tls else 'http'}://localhost:{bound}/api",
                    files.ca_file if files else None,
                    desk.credentials,
                    records,
                    desk.log,
                )
        finally:
            records.close()


class _Desk:
    """Takes a request: waits, finds the fault, answers, writes the log."""

    def __init__(
        self,
        records: Records,
        schedule: Schedule,
        switches: Switches,
        latency_ms: float,
    ) -> None:
        self.credentials = Credentials()
        self.log: list[Seen] = []
        self._service = Service(records, switches, self.credentials)
        self._records = records
        self._schedule = schedule
        self._switches = switches
        self._latency_seconds = latency_ms / 1000
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._switches.now or datetime.now(UTC)

    def answer(self, request: Request) -> Answer:
        time.sleep(self._latency_seconds)
        call = understand(request)
        fault = self._schedule.next(call.endpoint, call.record_type)
        if fault and fault.name == "shift" and call.record_type:
            self._shift(call.record_type, fault.value)
        given = self._service.answer(request, call, fault)
        accepted = request.headers.get("accept-encoding", "")
        if fault:
            key = self._switches.validation_key
            given = change_answer(fault.name, fault.value, fault.options, given, key)
        elif self._switches.gzip and "gzip" in accepted:
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
        body = call.body if isinstance(call.body, dict) else {}
        paged = call.endpoint in ("list", "entityref")
        with self._lock:
            self.log.append(
                Seen(
                    len(self.log) + 1,
                    request.method,
                    request.path,
                    call.endpoint,
                    call.record_type,
                    body.get("PageNumber", 1) if paged else None,
                    body.get("NumberOfRecords", 100) if paged else None,
                    given.status,
                    fault.spec if fault else None,
                )
            )


def _fill(records: Records, source: Source) -> None:
    if isinstance(source, Sample):
        source.fill(records)
    elif isinstance(source, Path):
        folder.load(records, source)
    else:
        folder.load_rows(records, source)
