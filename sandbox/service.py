"""What the Order Time API answers: endpoints, credentials, error bodies.

Only reads are here. A request that the documents allow but that changes data is
refused with 405, so that no test can write by mistake.
"""

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from sandbox import answer
from sandbox.answer import Answer
from sandbox.damage import OTHER_PAGE, change_rows
from sandbox.desk import Call
from sandbox.faults import Fault
from sandbox.filters import BadListInfo
from sandbox.jsontext import first, object_of, without_nulls
from sandbox.listinfo import ListInfo, read
from sandbox.query import (
    BY_ITEM,
    BY_LOCATION,
    ITEM_ALL,
    ITEM_KINDS,
    LOCATION,
    PART,
    Query,
)
from sandbox.records import Records
from sandbox.switches import Switches
from sandbox.transport import Request

_BASE = "/api/"
_ENDPOINTS = {
    ("POST", "list"): "list",
    ("PUT", "list"): "count",
    ("POST", "entityref"): "entityref",
    ("GET", "partitem"): "partitem",
    ("GET", "location"): "location",
    ("GET", "customfielddefinition"): "customfielddefinition",
}
_BY_ID = {"partitem": PART, "location": LOCATION}
_DATE = re.compile(r'("(?:Created|Modified)Date"\s*:\s*"[^"Z]{19})Z"')
_DATE_FORMS = {"naive": r'\1"', "ticks": r'\1.0000000Z"'}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client must send; the password, or the DevKey in its place."""

    api_key: str = "sandbox-key"
    email: str = "feeds@example.com"
    password: str = "sandbox-password"  # noqa: S105 (a stand-in's)
    dev_key: str = "sandbox-dev-key"


class Service:
    """Answers calls from the records, by the switches."""

    def __init__(
        self, records: Records, switches: Switches, credentials: Credentials
    ) -> None:
        self._records = records
        self._switches = switches
        self._credentials = credentials

    def understand(self, request: Request) -> Call:
        """Read endpoint, record type and body, as far as they can be read."""
        split = urlsplit(request.path)
        there = split.path.startswith(_BASE)
        name = split.path.removeprefix(_BASE) if there else ""
        endpoint = _ENDPOINTS.get((request.method, name), "")
        parameters = {key: values[0] for key, values in parse_qs(split.query).items()}
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            body = None
        record_type = _BY_ID.get(endpoint)
        asked = body if isinstance(body, dict) else {}
        if type(asked.get("Type")) is int:
            record_type = asked["Type"]
        if endpoint not in ("list", "entityref"):
            return Call(endpoint, record_type, body, parameters)
        page, size = asked.get("PageNumber", 1), asked.get("NumberOfRecords", 100)
        return Call(endpoint, record_type, body, parameters, page, size)

    def answer(self, request: Request, call: Call, fault: Fault | None) -> Answer:
        """Answer one call; a fault may choose another page and damage its rows."""
        refusal = self._refusal(request, call)
        if refusal is not None:
            return refusal
        if call.endpoint == "customfielddefinition":
            return self._definitions(call)
        if call.endpoint in _BY_ID:
            return self._one(_BY_ID[call.endpoint], call, fault)
        try:
            info = read(call.body, self._records.kind, self._switches)
        except BadListInfo as error:
            return answer.message(400, str(error))
        if call.endpoint == "count":
            return answer.value(self._records.count(info.query))
        return self._page(info, call, fault)

    def _refusal(self, request: Request, call: Call) -> Answer | None:
        sent, known = request.headers, self._credentials
        if sent.get("apikey") != known.api_key:
            return answer.message(400, "Incorrect api key")
        if sent.get("email") != known.email or not (
            sent.get("password") == known.password
            or sent.get("devkey") == known.dev_key
        ):
            return answer.message(400, "Incorrect user name or password")
        if not call.endpoint:
            there = request.path.startswith(_BASE)
            return answer.message(405 if there else 404, "No such endpoint")
        kind = sent.get("content-type", "").partition(";")[0].strip().lower()
        if request.method != "GET" and kind != "application/json":
            return answer.message(400, "Content-Type must be application/json")
        if call.record_type in self._switches.forbidden:
            return answer.message(403, "You do not have rights to view this record")
        return None

    def _page(self, info: ListInfo, call: Call, fault: Fault | None) -> Answer:
        number = info.page + (OTHER_PAGE.get(fault.name, 0) if fault else 0)
        rows = self._records.page(info.query, max(1, number), info.size)
        if not rows and info.page > 1 and self._switches.past_end == "400":
            return answer.message(400, "There is no such page")
        if call.endpoint == "entityref":
            rows = [_reference(row) for row in rows]
        elif self._switches.stock_ids and call.record_type in (BY_ITEM, BY_LOCATION):
            start = (max(1, number) - 1) * info.size + 1
            rows = [f'{{"Id":{at},{row[1:]}' for at, row in enumerate(rows, start)]
        return answer.array(self._served(rows, fault))

    def _one(self, record_type: int, call: Call, fault: Fault | None) -> Answer:
        text = call.parameters.get("id", "")
        if not text.isdecimal():
            return answer.message(400, "The parameter id must be a number")
        query = Query(record_type, "id = ?", (int(text),))
        rows = self._served(self._records.page(query, 1, 1), fault)
        if not rows:
            status = int(self._switches.unknown_id)
            return answer.message(status, f"Record {text} does not exist")
        return Answer(200, rows[0].encode())

    def _definitions(self, call: Call) -> Answer:
        if call.parameters.get("recordType") not in ("100", *map(str, ITEM_KINDS)):
            return answer.message(400, "The parameter recordType is not supported")
        fields: dict[str, str] = {}
        for text in self._records.page(Query(ITEM_ALL), 1, 100):
            for custom in json.loads(text).get("CustomFields") or []:
                fields.setdefault(custom["Name"], custom["Caption"])
        # The numbers of DataTypeEnum are not established; 0 stands for text.
        same = {"FieldType": 0, "FieldSize": 250, "IsRequired": False}
        more = {"IsCalculated": False, "Selections": []}
        return answer.value(
            [{"Name": n, "Caption": c, **same, **more} for n, c in fields.items()]
        )

    def _served(self, rows: list[str], fault: Fault | None) -> list[str]:
        if self._switches.empties == "omit":
            rows = [without_nulls(row) for row in rows]
        if self._switches.dates in _DATE_FORMS:
            form = _DATE_FORMS[self._switches.dates]
            rows = [_DATE.sub(form, row) for row in rows]
        return change_rows(fault.name, fault.value, rows) if fault else rows


def _reference(row: str) -> str:
    found = first(row, ("Id", "Name"))
    return object_of([(key, found.get(key, "null")) for key in ("Id", "Name")])
