"""ListInfo, the body of `/list` and `/entityref`, turned into a query.

Every spelling is the vendor's; what it does not document is refused with a message,
or follows a switch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sandbox.filters import BadListInfo, Property, condition, path
from sandbox.query import BY_ITEM, BY_LOCATION, Query
from sandbox.switches import Switches

MOST_RECORDS = 1000
_KEYS = frozenset(
    [
        "Type",
        "Filters",
        "Sortation",
        "PageNumber",
        "NumberOfRecords",
        "IncludeLineItems",
        "IncludeLineItemDetails",
        "ShowMatrix",
    ]
)
_FILTER_KEYS = frozenset(
    ["PropertyName", "Operator", "FilterValueArray", "FieldType", "DateMacro"]
)
_SORT_KEYS = frozenset(["PropertyName", "Direction"])
# RecordTypeEnum, as far as it is known; a type without records has an empty list.
# fmt: off
RECORD_TYPES = frozenset({
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 100, 101, 102, 103, 105, 107, 108, 115, 120,
    121, 122, 130, 150, 151, 160, 162, 170, 180, 190, 200, 220, 230, 250, 260, 270,
    280, 282, 284, 300, 310, 320, 330, 350, 370, 380, 385, 390, 500, 510, 610, 630,
    660, 850, 860, 1000, 1010, 1040, 1054, 1060, 1070, 1080, 1090, 1095, 1100, 1110,
    1111, 1112, 1121, 1146, 2600, 2610, 2620, 3080, 3091,
})
# fmt: on

Kind = Callable[[Query, str], str | None]


@dataclass(frozen=True, slots=True)
class ListInfo:
    """Page `page` (from 1) of `size` records of one query."""

    query: Query
    page: int
    size: int


def read(body: Any, kind: Kind, switches: Switches) -> ListInfo:
    """Check a parsed body and turn it into a page of a query.

    Args:
        body: the parsed JSON of the request.
        kind: says what a property of a query's records holds (`Records.kind`).
        switches: how to behave where the documents are silent.

    Raises:
        BadListInfo: with the message for the client.
    """
    _check_keys(body, _KEYS, "ListInfo", switches)
    record_type = body.get("Type")
    if isinstance(record_type, bool) or record_type not in RECORD_TYPES:
        raise BadListInfo(f"Type {record_type!r} is not a RecordTypeEnum value")
    page = _whole(body, "PageNumber", 1)
    size = _whole(body, "NumberOfRecords", 100)
    if size > MOST_RECORDS and switches.over_max == "400":
        raise BadListInfo(f"NumberOfRecords must not exceed {MOST_RECORDS}")
    query = Query(record_type)
    if body.get("Filters") is not None:
        query = _filtered(body["Filters"], query, kind, switches)
    if body.get("Sortation") is not None:
        query = _sorted(body["Sortation"], query, kind, switches)
    return ListInfo(query, page, min(size, MOST_RECORDS))


def matching(record_type: int, where: Mapping[str, Any]) -> Query:
    """Return the query of records whose properties have these values, as text.

    Args:
        record_type: a RecordTypeEnum number.
        where: dotted property name to value, for example {"ItemRef.Id": 7}.
    """
    conditions = [f"(body ->> '{path(name)}') = ?" for name in where]
    values = tuple(str(value) for value in where.values())
    return Query(record_type, " AND ".join(conditions) or "true", values)


def _filtered(given: Any, query: Query, kind: Kind, switches: Switches) -> Query:
    if not isinstance(given, list):
        raise BadListInfo("Filters must be an array of FilterField")
    today = (switches.now or datetime.now(UTC)).date()
    conditions, parameters = ["true"], []
    for each in given:
        _check_keys(each, _FILTER_KEYS, "FilterField", switches)
        about = _property(each.get("PropertyName"), query, kind, switches)
        if about is not None:
            sql, values = condition(each, about, today)
            conditions.append(sql)
            parameters += values
    return replace(query, where=" AND ".join(conditions), parameters=tuple(parameters))


def _sorted(given: Any, query: Query, kind: Kind, switches: Switches) -> Query:
    _check_keys(given, _SORT_KEYS, "SortField", switches)
    direction = given.get("Direction", 1)
    if direction not in (1, 2):
        raise BadListInfo(f"Direction {direction!r} is not a SortDirEnum value")
    about = _property(given.get("PropertyName"), query, kind, switches)
    if about is None:
        return query
    # Empty values come first going up, as they do in the vendor's kind of database.
    way = "DESC NULLS LAST" if direction == 2 else "ASC NULLS FIRST"
    return replace(query, order=f"{about.sql} {way}")


def _property(
    name: Any, query: Query, kind: Kind, switches: Switches
) -> Property | None:
    if name == "Id" and query.record_type not in (BY_ITEM, BY_LOCATION):
        return Property("Id", "id")
    holds = kind(query, path(name))
    if holds is not None:
        return Property.named(name, holds)
    if switches.unknown_property == "400":
        raise BadListInfo(f"Property {name!r} does not exist")
    return None


def _check_keys(
    given: Any, known: frozenset[str], what: str, switches: Switches
) -> None:
    if not isinstance(given, dict):
        raise BadListInfo(f"A {what} must be an object")
    unknown = sorted(given.keys() - known)
    if unknown and switches.unknown_key == "400":
        raise BadListInfo(f"A {what} has no {', '.join(unknown)}")


def _whole(body: Mapping[str, Any], name: str, default: int) -> int:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadListInfo(f"{name} must be a whole number from 1, not {value!r}")
    return int(value)
