"""One FilterField of a ListInfo turned into a condition in SQL."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox import datemacros

_COMPARED = {1: "=", 2: ">", 3: "<", 4: ">=", 5: "<=", 6: "<>"}
_IN, _NOT_IN, _NULL, _NOT_NULL, _LIKE, _NOT_LIKE = 8, 9, 10, 11, 12, 13
_DATE_TIME = 10
_PROPERTY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


class BadListInfo(Exception):  # noqa: N818 (named after what it is about)
    """The body is not a ListInfo that the server accepts; becomes a 400."""


@dataclass(frozen=True, slots=True)
class Property:
    """A property of records: where it lies, and how its values compare.

    `name` may be dotted; `kind` is "number", "boolean", "date", "text", or "id" for
    the one that has a column of its own.
    """

    name: str
    kind: str

    @classmethod
    def named(cls, name: Any, holds: str | None) -> "Property":
        """Return the property whose first value has the JSON type `holds`."""
        path(name)
        if holds in ("UBIGINT", "BIGINT", "DOUBLE"):
            return cls(name, "number")
        if holds == "BOOLEAN":
            return cls(name, "boolean")
        return cls(name, "date" if name.endswith("Date") else "text")

    @property
    def sql(self) -> str:
        """Its value in SQL, typed so that it compares and sorts as it should."""
        if self.kind == "id":
            return "id"
        text = f"body ->> '{path(self.name)}'"
        if self.kind == "number":
            return f"TRY_CAST({text} AS DECIMAL(38, 10))"
        if self.kind == "date":
            return f"TRY_CAST({text} AS TIMESTAMP)"
        return f"({text})"


def path(name: Any) -> str:
    """Return where a dotted property lies in a JSON text, safe to stand in SQL.

    Raises:
        BadListInfo: it is not words joined by dots.
    """
    if not isinstance(name, str) or not _PROPERTY.fullmatch(name):
        raise BadListInfo(f"Property {name!r} is not a property name")
    return f"$.{name}"


def condition(
    given: Mapping[str, Any], about: Property, today: date
) -> tuple[str, list[Any]]:
    """Turn one filter into SQL.

    Args:
        given: the FilterField as sent.
        about: the property that it names.
        today: the day on the server's clock, for date macros.

    Returns:
        The condition, and the values of its parameters.

    Raises:
        BadListInfo: with the message for the client.
    """
    macro = given.get("DateMacro")
    if macro is not None:
        return _within(macro, given.get("FilterValueArray"), about, today)
    operator = given.get("Operator", 1)
    if operator == _NULL:
        return f"{about.sql} IS NULL", []
    if operator == _NOT_NULL:
        return f"{about.sql} IS NOT NULL", []
    value = _text(given.get("FilterValueArray"), about.name)
    if given.get("FieldType") == _DATE_TIME:
        about = Property(about.name, "date")
    if operator in _COMPARED:
        return f"{about.sql} {_COMPARED[operator]} ?", [_typed(value, about)]
    if operator in (_IN, _NOT_IN):
        values = [_typed(part.strip(), about) for part in value.split(",")]
        marks = ", ".join("?" * len(values))
        return f"{about.sql} {'NOT ' * (operator == _NOT_IN)}IN ({marks})", values
    if operator in (_LIKE, _NOT_LIKE):
        text = f"lower(body ->> '{path(about.name)}')"
        no = "NOT " * (operator == _NOT_LIKE)
        return f"{no}contains({text}, ?)", [value.strip("%").lower()]
    raise BadListInfo(f"Operator {operator!r} is not a FilterOpEnum value")


def _within(
    macro: Any, value: Any, about: Property, today: date
) -> tuple[str, list[Any]]:
    about = Property(about.name, "date")
    if macro == datemacros.CUSTOM:
        ends = _text(value, about.name).split(",")
        if len(ends) != 2:
            raise BadListInfo("A custom date macro needs 'from,to' with one comma")
        first, last = (_moment(end.strip()) if end.strip() else None for end in ends)
        # An end given as a day means the whole day: both ends are inclusive.
        if last and len(ends[1].strip()) == len("2018-02-01"):
            last += timedelta(days=1, microseconds=-1)
    else:
        try:
            days = datemacros.span(macro, today)
        except (ValueError, TypeError) as error:
            raise BadListInfo(str(error)) from None
        first = datetime.combine(days[0], datetime.min.time()) if days[0] else None
        last = datetime.combine(days[1], datetime.max.time()) if days[1] else None
    bounds = [(">=", first), ("<=", last)]
    kept = [(sign, moment) for sign, moment in bounds if moment]
    sql = " AND ".join(f"{about.sql} {sign} ?" for sign, _ in kept) or "true"
    return sql, [moment for _, moment in kept]


def _text(value: Any, name: str) -> str:
    # The vendor types it String; clients in use also send bare numbers and booleans.
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise BadListInfo(f"FilterValueArray of {name} must be a string")


def _typed(value: str, about: Property) -> Any:
    if about.kind in ("number", "id"):
        try:
            return Decimal(value)
        except InvalidOperation:
            raise BadListInfo(f"{value!r} is not a number for {about.name}") from None
    if about.kind == "boolean":
        return {"1": "true", "0": "false"}.get(value, value.lower())
    return _moment(value) if about.kind == "date" else value


def _moment(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise BadListInfo(f"{value!r} is not a date") from None
    # Without a zone it is read as UTC: not established for Order Time.
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
