"""A stand-in of the order tool: the API of docs/order-tool-api.md, faulty on request.

with order_tool.serve(OrderSample(orders=2000), faults=["orders@3:500"]) as server:
    session.get(f"{server.url}/orders", headers=server.headers, verify=server.ca_file)
    assert server.requests[-1].status == 200
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox import order_records
from sandbox.desk import Desk, Manner, Running
from sandbox.faults import Fault, Schedule
from sandbox.order_records import Orders
from sandbox.order_service import BASE, OrderService
from sandbox.records import Records
from sandbox.sample_orders import OrderSample

Source = OrderSample | Path | Mapping[str, Iterable[order_records.Row]]

TOKEN = "sandbox-token"  # noqa: S105 (a stand-in's)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Running):
    """A running order tool; `orders` edits its records.

    Attributes:
        token: what a client must send.
    """

    token: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every request needs."""
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def orders(self) -> Orders:
        """The records, to be edited while the server runs."""
        return Orders(self.records)

    @property
    def variables(self) -> dict[str, str]:
        """The environment that lets `extract` read from here."""
        found = {"ORDER_TOOL_URL": self.url, "ORDER_TOOL_TOKEN": self.token}
        return found | (
            {"ORDER_TOOL_CA_FILE": str(self.ca_file)} if self.ca_file else {}
        )


@contextmanager
def serve(
    source: Source,
    *,
    faults: Iterable[str | Fault] = (),
    latency_ms: float = 0,
    gzip: bool = False,
    tls: bool = True,
    port: int = 0,
    token: str = TOKEN,
) -> Iterator[Server]:
    """Serve terms and orders while the block runs.

    Args:
        source: a made-up sample, a folder with `terms` and `orders` (see
            `order_records.load`), or records by `terms` and `orders`.
        faults: what goes wrong, and when (see `faults.parse`).
        latency_ms: how long every answer waits, in milliseconds.
        gzip: compress bodies for clients that accept it.
        tls: HTTPS with a throw-away authority, or plain HTTP.
        port: on 127.0.0.1; 0 for a free one.
        token: what clients must send.

    Yields:
        Address, log and records.

    Raises:
        Misuse: a fault or a file of the source is not as it should be.
    """
    schedule = Schedule(faults)
    with tempfile.TemporaryDirectory(prefix="sandbox-") as name:
        place = Path(name)
        with closing(order_records.open_records(place)) as records:
            _fill(records, source)
            service = OrderService(records, token)
            desk = Desk(service, records, schedule, Manner(latency_ms, gzip))
            with desk.listening(place, tls, port) as (address, ca_file):
                yield Server(
                    url=address + BASE,
                    ca_file=ca_file,
                    token=token,
                    records=records,
                    requests=desk.log,
                )


def _fill(records: Records, source: Source) -> None:
    if isinstance(source, OrderSample):
        source.fill(records)
    elif isinstance(source, Path):
        order_records.load(records, source)
    else:
        order_records.load_rows(records, source)
