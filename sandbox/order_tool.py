"""A stand-in of the order tool: the API of docs/order-tool-api.md, faults on request.

with order_tool.serve(OrderSample(orders=2000), faults=["orders@3:500"]) as server:
    session.get(f"{server.url}/orders", headers=server.headers, verify=server.ca_file)
    assert server.requests[-1].status == 200
"""

import hmac
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from sandbox.corruption import Fault, corrupt_rows, served_page
from sandbox.faults import Schedule
from sandbox.http_server import Request, Response
from sandbox.order_tool_records import (
    BY_TERM,
    LISTS,
    ORDERS,
    TERMS,
    Orders,
    Source,
    fill,
    open_records,
)
from sandbox.records import Query, Records
from sandbox.request_handler import (
    Behavior,
    Call,
    HttpError,
    RequestHandler,
    RunningServer,
)

TOKEN = "sandbox-token"  # noqa: S105 (a stand-in's)
MOST_RECORDS = 1000

_BASE = "/api"
_QUERIES = {TERMS: Query(TERMS, order=BY_TERM), ORDERS: Query(ORDERS)}
_PARAMETERS = ("page", "page_size")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(RunningServer):
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
        variables = {"ORDER_TOOL_URL": self.url, "ORDER_TOOL_TOKEN": self.token}
        if self.ca_file:
            variables["ORDER_TOOL_CA_FILE"] = str(self.ca_file)
        return variables


class OrderToolApi:
    """Responds to calls from the records."""

    def __init__(self, records: Records, token: str) -> None:
        self._records = records
        self._expected = f"Bearer {token}".encode()

    def parse(self, request: Request) -> Call:
        """Parse which list is asked for, and which page of it."""
        url = urlsplit(request.path)
        name = url.path.removeprefix(f"{_BASE}/")
        known = request.method == "GET" and url.path == f"{_BASE}/{name}"
        endpoint = name if known and name in LISTS else ""
        parameters = parse_qs(url.query, keep_blank_values=True)
        page, size = parameters.get("page", ["1"]), parameters.get("page_size", ["100"])
        return Call(
            endpoint,
            LISTS.get(endpoint),
            parameters=parameters,
            page=int(page[0]) if page[0].isdecimal() else page[0],
            size=int(size[0]) if size[0].isdecimal() else size[0],
        )

    def respond(self, request: Request, call: Call, fault: Fault | None) -> Response:
        """Respond to a call; a fault may choose another page and damage its rows.

        Raises:
            HttpError: the request is refused.
        """
        self._check_request(request, call)
        page, size = _page(call.parameters)
        query = _QUERIES[LISTS[call.endpoint]]
        total = self._records.count(query)
        rows = self._records.page(query, served_page(fault, page), size)
        rows = corrupt_rows(fault, rows)
        counts = f'"page":{page},"pages":{-(-total // size)},"total":{total}'
        return Response(body=f'{{"data":[{",".join(rows)}],{counts}}}'.encode())

    def _check_request(self, request: Request, call: Call) -> None:
        token = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(token, self._expected):
            headers = {"WWW-Authenticate": "Bearer"}
            raise HttpError(401, "The bearer token is missing or wrong", **headers)
        if call.endpoint:
            return
        name = urlsplit(request.path).path.removeprefix(f"{_BASE}/")
        if name in LISTS:
            raise HttpError(405, f"/{name} can only be read, with GET", Allow="GET")
        raise HttpError(404, "No such endpoint; there are /terms and /orders")


def _page(parameters: Mapping[str, list[str]]) -> tuple[int, int]:
    """Return number and size of the page."""
    for name, values in parameters.items():
        if name not in _PARAMETERS:
            known = " and ".join(_PARAMETERS)
            raise HttpError(400, f"There is no parameter {name!r}; there are {known}")
        if len(values) > 1:
            raise HttpError(400, f"{name} must not be given twice")
        if not _NUMBER.fullmatch(values[0]):
            raise HttpError(
                400, f"{name} must be a whole number from 1, not {values[0]!r}"
            )
    size = int(parameters.get("page_size", ["100"])[0])
    if size > MOST_RECORDS:
        raise HttpError(400, f"page_size must not exceed {MOST_RECORDS}")
    return int(parameters.get("page", ["1"])[0]), size


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
        source: a sample, a folder of JSON files, or records by `terms` and `orders`
            (see `order_tool_records.fill`).
        faults: what goes wrong, and when (see `faults.parse`).
        latency_ms: how long every response waits, in milliseconds.
        gzip: compress bodies for clients that accept it.
        tls: HTTPS with a temporary authority, or plain HTTP.
        port: on 127.0.0.1; 0 for a free one.
        token: what clients must send.

    Yields:
        Address, log and records.

    Raises:
        Misuse: a fault or a file of the source is wrong.
    """
    schedule = Schedule(faults)
    with (
        tempfile.TemporaryDirectory(prefix="sandbox-") as name,
        closing(open_records(Path(name))) as records,
    ):
        fill(records, source)
        api = OrderToolApi(records, token)
        handler = RequestHandler(api, records, schedule, Behavior(latency_ms, gzip))
        with handler.serving(Path(name), tls, port) as (address, ca_file):
            yield Server(
                url=address + _BASE,
                ca_file=ca_file,
                token=token,
                records=records,
                requests=handler.log,
            )
