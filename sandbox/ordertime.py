"""A stand-in of the Order Time REST API: read-only, with faults on request.

with ordertime.serve(Sample(items=2000), faults=["3:500"]) as server:
    session.post(f"{server.url}/list", json={"Type": 101}, verify=server.ca_file)
    assert server.requests[-1].status == 200

It serves what `extract` asks for: pages of a list by Id, counts, and single records.
Everything else is refused with a status of 400 or more.
https://help.ordertime.com/help/order-time-rest-api describes the API.
"""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.corruption import Fault, corrupt_rows, served_page
from sandbox.faults import Schedule
from sandbox.http_server import Request, Response
from sandbox.jsontext import array_of, first, object_of, without_nulls
from sandbox.options import Options
from sandbox.ordertime_records import Source, fill
from sandbox.records import (
    ASSEMBLY,
    ITEM_GROUP,
    LOCATION,
    MANUFACTURER,
    PART,
    STOCK_BY_ITEM,
    STOCK_BY_LOCATION,
    Query,
    Records,
)
from sandbox.request_handler import (
    Behavior,
    Call,
    HttpError,
    RequestHandler,
    RunningServer,
)

MOST_RECORDS = 1000

_BASE = "/api/"
_ENDPOINTS = {
    ("POST", "list"): "list",
    ("PUT", "list"): "count",
    ("POST", "entityref"): "entityref",
    ("GET", "partitem"): "partitem",
    ("GET", "location"): "location",
}
_BY_ID = {"partitem": PART, "location": LOCATION}
_STOCK = (STOCK_BY_ITEM, STOCK_BY_LOCATION)
_TYPES = (PART, ASSEMBLY, LOCATION, ITEM_GROUP, MANUFACTURER, *_STOCK)
_LIST_KEYS = ("Type", "PageNumber", "NumberOfRecords", "Sortation")
_SORT_BY_ID = {"PropertyName": "Id", "Direction": 1}
_DATE = re.compile(r'("(?:Created|Modified)Date"\s*:\s*"[^"Z]{19})Z"')
_DATE_FORMS = {"naive": r'\1"', "ticks": r'\1.0000000Z"'}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client must send; the DevKey may replace the password."""

    api_key: str = "sandbox-key"
    email: str = "feeds@example.com"
    password: str = "sandbox-password"  # noqa: S105 (a stand-in's)
    dev_key: str = "sandbox-dev-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(RunningServer):
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
        variables = {
            "ORDERTIME_URL": self.url,
            "ORDERTIME_API_KEY": self.credentials.api_key,
            "ORDERTIME_EMAIL": self.credentials.email,
            "ORDERTIME_PASSWORD": self.credentials.password,
        }
        if self.ca_file:
            variables["ORDERTIME_CA_FILE"] = str(self.ca_file)
        return variables


class OrderTimeApi:
    """Responds to calls from the records, as the options say."""

    def __init__(
        self, records: Records, options: Options, credentials: Credentials
    ) -> None:
        self._records = records
        self._options = options
        self._credentials = credentials

    def parse(self, request: Request) -> Call:
        """Parse endpoint, record type and body as far as possible."""
        url = urlsplit(request.path)
        name = url.path.removeprefix(_BASE) if url.path.startswith(_BASE) else ""
        endpoint = _ENDPOINTS.get((request.method, name), "")
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            body = None
        record_type = _BY_ID.get(endpoint)
        members = body if isinstance(body, dict) else {}
        if type(members.get("Type")) is int:
            record_type = members["Type"]
        call = Call(endpoint, record_type, body, parse_qs(url.query))
        if endpoint not in ("list", "entityref"):
            return call
        page, size = members.get("PageNumber", 1), members.get("NumberOfRecords", 100)
        return replace(call, page=page, size=size)

    def respond(self, request: Request, call: Call, fault: Fault | None) -> Response:
        """Respond to a call; a fault may choose another page and damage its rows.

        Raises:
            HttpError: the request is refused.
        """
        self._check_request(request, call)
        if call.endpoint in _BY_ID:
            return self._record(_BY_ID[call.endpoint], call, fault)
        record_type, page, size = self._list_info(call.body)
        if call.endpoint == "count":
            return Response(body=str(self._records.count(Query(record_type))).encode())
        number = served_page(fault, page)
        rows = self._records.page(Query(record_type), number, size)
        if not rows and page > 1 and self._options.past_end == "400":
            raise HttpError(400, "There is no such page")
        if call.endpoint == "entityref":
            rows = [_reference(row) for row in rows]
        elif self._options.stock_ids and record_type in _STOCK:
            start = (number - 1) * size + 1
            rows = [f'{{"Id":{at},{row[1:]}' for at, row in enumerate(rows, start)]
        return Response(body=array_of(self._served(rows, fault)).encode())

    def _check_request(self, request: Request, call: Call) -> None:
        headers, expected = request.headers, self._credentials
        if headers.get("apikey") != expected.api_key:
            raise HttpError(400, "Incorrect api key")
        if headers.get("email") != expected.email or not (
            headers.get("password") == expected.password
            or headers.get("devkey") == expected.dev_key
        ):
            raise HttpError(400, "Incorrect user name or password")
        if not call.endpoint:
            status = 405 if request.path.startswith(_BASE) else 404
            raise HttpError(status, "No such endpoint")
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method != "GET" and media_type != "application/json":
            raise HttpError(400, "Content-Type must be application/json")
        if call.record_type in self._options.forbidden:
            raise HttpError(403, "You do not have rights to view this record")

    def _list_info(self, body: Any) -> tuple[int, int, int]:
        """Return record type, page and page size of a ListInfo."""
        if not isinstance(body, dict):
            raise HttpError(400, "A ListInfo must be an object")
        unknown = ", ".join(sorted(body.keys() - _LIST_KEYS))
        if unknown:
            known = ", ".join(_LIST_KEYS)
            raise HttpError(400, f"This stand-in knows {known} only, not {unknown}")
        record_type = body.get("Type")
        if type(record_type) is not int or record_type not in _TYPES:
            raise HttpError(400, f"This stand-in has no records of Type {record_type}")
        if body.get("Sortation", _SORT_BY_ID) != _SORT_BY_ID:
            raise HttpError(400, f"This stand-in can only sort by {_SORT_BY_ID}")
        if "Sortation" in body and record_type in _STOCK:
            raise HttpError(400, f"Records of Type {record_type} have no Id to sort by")
        page = _positive(body, "PageNumber", 1)
        size = _positive(body, "NumberOfRecords", 100)
        if size > MOST_RECORDS and self._options.over_max == "400":
            raise HttpError(400, f"NumberOfRecords must not exceed {MOST_RECORDS}")
        return record_type, page, min(size, MOST_RECORDS)

    def _record(self, record_type: int, call: Call, fault: Fault | None) -> Response:
        text = call.parameters.get("id", [""])[0]
        if not text.isdecimal():
            raise HttpError(400, "The parameter id must be a number")
        query = Query(record_type, "id = ?", (int(text),))
        rows = self._served(self._records.page(query, 1, 1), fault)
        if not rows:
            status = int(self._options.unknown_id)
            raise HttpError(status, f"Record {text} does not exist")
        return Response(body=rows[0].encode())

    def _served(self, rows: list[str], fault: Fault | None) -> list[str]:
        if self._options.empties == "omit":
            rows = [without_nulls(row) for row in rows]
        if self._options.dates in _DATE_FORMS:
            form = _DATE_FORMS[self._options.dates]
            rows = [_DATE.sub(form, row) for row in rows]
        return corrupt_rows(fault, rows)


def _reference(row: str) -> str:
    members = first(row, ("Id", "Name"))
    return object_of([(name, members.get(name, "null")) for name in ("Id", "Name")])


def _positive(body: dict[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    if type(value) is not int or value < 1:
        raise HttpError(400, f"{name} must be a whole number from 1, not {value!r}")
    return value


@contextmanager
def serve(
    source: Source,
    *,
    faults: Iterable[str | Fault] = (),
    options: Options | None = None,
    latency_ms: float = 0,
    tls: bool = True,
    port: int = 0,
) -> Iterator[Server]:
    """Serve records while the block runs.

    Args:
        source: a sample, a folder of JSON files, or records by record type (see
            `ordertime_records.fill`).
        faults: what goes wrong, and when (see `faults.parse`).
        options: how to behave where the vendor's documents are silent.
        latency_ms: how long every response waits, in milliseconds.
        tls: HTTPS with a temporary authority, or plain HTTP.
        port: on 127.0.0.1; 0 for a free one.

    Yields:
        Address, log and records.

    Raises:
        Misuse: a fault or a file of the source is wrong.
    """
    options = options or Options()
    schedule = Schedule(faults)
    credentials = Credentials()
    behavior = Behavior(latency_ms, options.gzip, options.validation_key)
    with (
        tempfile.TemporaryDirectory(prefix="sandbox-") as name,
        closing(Records(Path(name))) as records,
    ):
        fill(records, source)
        api = OrderTimeApi(records, options, credentials)
        handler = RequestHandler(api, records, schedule, behavior)
        with handler.serving(Path(name), tls, port) as (address, ca_file):
            yield Server(
                url=f"{address}/api",
                ca_file=ca_file,
                credentials=credentials,
                records=records,
                requests=handler.log,
            )
