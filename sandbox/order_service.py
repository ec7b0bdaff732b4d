"""What the order tool's API answers: token, parameters, pages in an envelope."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from sandbox import answer
from sandbox.answer import Answer
from sandbox.damage import OTHER_PAGE, change_rows
from sandbox.desk import Call
from sandbox.faults import Fault
from sandbox.order_records import BY_TERM, LISTS, TERMS
from sandbox.query import Query
from sandbox.records import Records
from sandbox.transport import Request

BASE = "/api"
MOST_RECORDS = 1000

_PAGING = frozenset(["page", "page_size"])
_PARAMETERS = {
    "terms": _PAGING,
    "orders": _PAGING | {"sis_term_id", "updated_since"},
}
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_START = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE = "epoch_us(TRY_CAST(body ->> '$.updated_at' AS TIMESTAMPTZ)) >= ?"


class BadParameterError(ValueError):
    """A parameter is not as documented; the text is for the client."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Page `page` (from 1) of `size` records of one query."""

    query: Query
    page: int
    size: int


class OrderService:
    """Answers calls from the records."""

    def __init__(self, records: Records, token: str) -> None:
        self._records = records
        self._expected = f"Bearer {token}".encode()

    def understand(self, request: Request) -> Call:
        """Read which list is asked for, and which page of it."""
        split = urlsplit(request.path)
        name = split.path.removeprefix(f"{BASE}/")
        there = request.method == "GET" and split.path.startswith(f"{BASE}/")
        endpoint = name if there and name in LISTS else ""
        given = parse_qs(split.query, keep_blank_values=True)
        parameters = {name: texts[0] for name, texts in given.items()}
        number = parameters.get("page", "1")
        size = parameters.get("page_size", "100")
        return Call(
            endpoint,
            LISTS.get(endpoint),
            parameters=parameters,
            page=int(number) if number.isdecimal() else number,
            size=int(size) if size.isdecimal() else size,
        )

    def answer(self, request: Request, call: Call, fault: Fault | None) -> Answer:
        """Answer one call; a fault may choose another page and damage its rows."""
        refusal = self._refusal(request, call)
        if refusal is not None:
            return refusal
        try:
            _check_names(call.endpoint, request.path)
            asked = _asked(call.endpoint, call.parameters)
        except BadParameterError as error:
            return answer.message(400, str(error))
        number = max(1, asked.page + (OTHER_PAGE.get(fault.name, 0) if fault else 0))
        total = self._records.count(asked.query)
        rows = self._records.page(asked.query, number, asked.size)
        if fault:
            rows = change_rows(fault.name, fault.value, rows)
        pages = -(-total // asked.size)
        where = f'"page":{asked.page},"pages":{pages},"total":{total}'
        return Answer(200, f'{{"data":[{",".join(rows)}],{where}}}'.encode())

    def _refusal(self, request: Request, call: Call) -> Answer | None:
        sent = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(sent, self._expected):
            refused = answer.message(401, "The bearer token is missing or wrong")
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        if call.endpoint:
            return None
        name = urlsplit(request.path).path.removeprefix(f"{BASE}/")
        if name in LISTS:
            refused = answer.message(405, f"/{name} can only be read, with GET")
            refused.headers["Allow"] = "GET"
            return refused
        return answer.message(404, "No such endpoint; there are /terms and /orders")


def _check_names(endpoint: str, path: str) -> None:
    known = _PARAMETERS[endpoint]
    given = parse_qs(urlsplit(path).query, keep_blank_values=True)
    for name, texts in given.items():
        if name not in known:
            raise BadParameterError(
                f"There is no parameter {name!r}; there are {', '.join(sorted(known))}"
            )
        if len(texts) > 1:
            raise BadParameterError(f"{name} must not be given twice")


def _asked(endpoint: str, parameters: Mapping[str, str]) -> _Asked:
    page = _whole(parameters, "page", 1)
    size = _whole(parameters, "page_size", 100)
    if size > MOST_RECORDS:
        raise BadParameterError(f"page_size must not exceed {MOST_RECORDS}")
    if LISTS[endpoint] == TERMS:
        return _Asked(Query(TERMS, order=BY_TERM), page, size)
    conditions = ["true"]
    values: list[str | int] = []
    if "sis_term_id" in parameters:
        if not parameters["sis_term_id"]:
            raise BadParameterError("sis_term_id must not be empty")
        conditions.append(f"{BY_TERM} = ?")
        values.append(parameters["sis_term_id"])
    if "updated_since" in parameters:
        conditions.append(_SINCE)
        values.append(_microseconds(parameters["updated_since"]))
    query = Query(LISTS[endpoint], " AND ".join(conditions), tuple(values))
    return _Asked(query, page, size)


def _whole(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, str(default))
    if not _NUMBER.fullmatch(text):
        raise BadParameterError(f"{name} must be a whole number from 1, not {text!r}")
    return int(text)


def _microseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadParameterError(
            "updated_since must be an instant with its zone, such as "
            f"2026-01-15T06:00:00Z, not {text!r}"
        )
    return (moment - _START) // timedelta(microseconds=1)
