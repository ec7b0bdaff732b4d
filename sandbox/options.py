"""How the stand-in Order Time behaves where the vendor's documents are silent.

Each option has a default: the behavior that is hardest on a client. Another value
tests that a client also works with the other behavior.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_type_hints

from runtime.exits import Misuse


@dataclass(frozen=True, slots=True)
class Options:
    """The options; on the command line, `--switch NAME=VALUE`.

    Attributes:
        over_max: NumberOfRecords above 1000 is lowered to 1000, or refused.
        past_end: a page past the last one is an empty array, or refused.
        unknown_id: status of a GET for an id that does not exist.
        validation_key: spelling in the ValidationResult of a 409.
        empties: an empty property is null, or missing from the object.
        dates: RecordInfo dates end in `Z`, have no zone, or 7 digits and `Z`.
        stock_ids: rows of types 1111 and 1112 have an `Id`.
        gzip: bodies are compressed for clients that accept it.
        forbidden: record types that the user's role may not read; a request for one
            gets a 403.
    """

    over_max: Literal["clamp", "400"] = "clamp"
    past_end: Literal["empty", "400"] = "empty"
    unknown_id: Literal["400", "404"] = "400"
    validation_key: Literal["ProperyName", "PropertyName"] = "ProperyName"
    empties: Literal["null", "omit"] = "null"
    dates: Literal["utc", "naive", "ticks"] = "utc"
    stock_ids: bool = False
    gzip: bool = False
    forbidden: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Options":
        """Parse options written as `name=value`.

        Args:
            texts: for example `over_max=400`, `stock_ids=true` or
                `forbidden=180,220`.

        Raises:
            Misuse: an unknown option or value; the message lists the known ones.
        """
        hints = get_type_hints(cls)
        values = {}
        for text in texts:
            name, _, value = text.partition("=")
            if name not in hints:
                known = ", ".join(hints)
                raise Misuse(f"There is no switch {name!r}. Use one of {known}.")
            try:
                values[name] = _parse_value(hints[name], value)
            except ValueError as error:
                raise Misuse(f"Switch {text!r}: {error}.") from None
        return cls(**values)


def _parse_value(hint: Any, text: str) -> Any:
    if hint is bool:
        if text not in ("true", "false"):
            raise ValueError("expected true or false")
        return text == "true"
    if hint == frozenset[int]:
        return frozenset(int(number) for number in text.split(","))
    if text not in get_args(hint):
        raise ValueError(f"expected {' or '.join(get_args(hint))}")
    return text
