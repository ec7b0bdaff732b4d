"""A stand-in of the Order Time REST API: faithful, read-only, faulty on request.

with ordertime.serve(Sample(items=2000), faults=["3:500"]) as server:
    session.post(f"{server.url}/list", json={"Type": 101}, verify=server.ca_file)
    assert server.requests[-1].status == 200
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sandbox import folder
from sandbox.desk import Desk, Manner, Running, Seen
from sandbox.faults import Fault, Schedule
from sandbox.records import Records
from sandbox.sample import Sample
from sandbox.service import Credentials, Service
from sandbox.switches import Switches

__all__ = ["Seen", "Server", "Source", "serve"]

Source = Sample | Path | Mapping[int, Iterable[folder.Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Running):
    """A running Order Time; its `url` ends in `/api`.

    Attributes:
        credentials: what a client must send.
    """

    credentials: Credentials

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every request needs."""
        return {
            "apiKey": self.credentials.api_key,
            "email": self.credentials.email,
            "password": self.credentials.password,
        }

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
    credentials = Credentials()
    manner = Manner(
        latency_ms,
        switches.gzip,
        lambda: switches.now or datetime.now(UTC),
        switches.validation_key,
    )
    with tempfile.TemporaryDirectory(prefix="sandbox-") as name:
        place = Path(name)
        with closing(Records(place)) as records:
            _fill(records, source)
            service = Service(records, switches, credentials)
            desk = Desk(service, records, schedule, manner)
            with desk.listening(place, tls, port) as (address, ca_file):
                yield Server(
                    url=f"{address}/api",
                    ca_file=ca_file,
                    credentials=credentials,
                    records=records,
                    requests=desk.log,
                )


def _fill(records: Records, source: Source) -> None:
    if isinstance(source, Sample):
        source.fill(records)
    elif isinstance(source, Path):
        folder.load(records, source)
    else:
        folder.load_rows(records, source)
