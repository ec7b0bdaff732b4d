"""What is not established about Order Time, decided: one switch each, with a default.

The defaults are the readings that are hardest on a client. Turn a switch to prove
that a client also stands the other reading.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_type_hints

from runtime.exits import Misuse


@dataclass(frozen=True, slots=True)
class Switches:
    """How the stand-in behaves where the vendor's documents are silent.

    Attributes:
        over_max: NumberOfRecords above 1000 is cut to 1000, or refused.
        past_end: a page past the last one is an empty array, or refused.
        unknown_property: a filter or sort on a property that no record has is
            refused, or left out.
        unknown_key: a key that ListInfo does not have (`PageNo`) is ignored, which
            leaves its default in force, or refused.
        unknown_id: status of a GET for an id that does not exist.
        validation_key: spelling in the ValidationResult of a 409.
        empties: an empty property is there as null, or left out of the object.
        dates: RecordInfo dates end in `Z`, have no zone, or 7 digits and `Z`.
        stock_ids: rows of types 1111 and 1112 carry an `Id`.
        gzip: bodies are compressed for clients that accept it.
        forbidden: record types that the user's role may not see; reading one is 403.
        now: the server's clock, for date macros and the Date header; None is the
            real one.
    """

    over_max: Literal["clamp", "400"] = "clamp"
    past_end: Literal["empty", "400"] = "empty"
    unknown_property: Literal["400", "ignore"] = "400"
    unknown_key: Literal["ignore", "400"] = "ignore"
    unknown_id: Literal["400", "404"] = "400"
    validation_key: Literal["ProperyName", "PropertyName"] = "ProperyName"
    empties: Literal["null", "omit"] = "null"
    dates: Literal["utc", "naive", "ticks"] = "utc"
    stock_ids: bool = False
    gzip: bool = False
    forbidden: frozenset[int] = field(default_factory=frozenset)
    now: datetime | None = None

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Switches":
        """Read switches written as `name=value`.

        Args:
            texts: for example `over_max=400`, `stock_ids=true`, `forbidden=180,220`
                or `now=2026-01-16T06:00:00Z`.

        Raises:
            Misuse: no such switch, or no such value; says which there are.
        """
        hints = get_type_hints(cls)
        values = {}
        for text in texts:
            name, _, value = text.partition("=")
            if name not in hints:
                known = ", ".join(hints)
                raise Misuse(f"There is no switch {name!r}. Known are {known}.")
            try:
                values[name] = _value(hints[name], value)
            except ValueError as error:
                raise Misuse(f"Switch {text!r}: {error}.") from None
        return cls(**values)


def _value(hint: Any, text: str) -> Any:
    if hint is bool:
        if text not in ("true", "false"):
            raise ValueError("expected true or false")
        return text == "true"
    if hint == frozenset[int]:
        return frozenset(int(number) for number in text.split(","))
    if hint == datetime | None:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if text not in get_args(hint):
        raise ValueError(f"expected {' or '.join(get_args(hint))}")
    return text
