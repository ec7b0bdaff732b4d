"""Faults asked for by request number: `[WHERE@]WHEN:NAME[:VALUE][:OPTION=VALUE]`.

WHERE is an endpoint (`list`, `count`, `partitem`, ...; `terms`, `orders`), for Order
Time also a record type, or both as `endpoint/type`; requests are counted within it,
retries included. WHEN is `3`, `3-5`, `3+` or `*`. What each NAME does stands in
`damage`.
"""

import re
import textwrap
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from runtime.exits import Misuse
from sandbox.damage import NAMES, VALUES

_SPEC = re.compile(
    r"((?P<where>[a-z0-9/]+)@)?(?P<when>\*|\d+(-\d+|\+)?)"
    r":(?P<name>[a-z0-9-]+)(?P<rest>(:.*)?)"
)
EXAMPLES = """\
  3:429:retry-after=1    the third request is told to wait a second
  101@2:500              the second request about type 101 fails
  count@1:miscount:-3    the first PUT /list answers three too few
  list/1112@2-4:reset    requests 2 to 4 for stock lose their connection
  5+:slow:0.2            from the fifth on, bodies take 0.2 s
  101@3:shift            from then on the first item is gone (:+1 for one more)
  2:retype:Price         the first row's Price is a text"""
ORDER_EXAMPLES = """\
  orders@2:cut           the second request for orders loses half its body
  orders@*:shift         the first order goes at every request
  orders@1:miscount:-3   the total is three too low, once
  terms@1:mispage        page 1 says that it is page 2
  orders@2:retype:is_royalty
  orders@2:duplicate-keys:catalog_items"""
_STATUS = re.compile(r"[1-5]\d\d")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, and when."""

    spec: str
    where: str
    first: int
    last: int | None
    name: str
    value: str = ""
    options: dict[str, str] = field(default_factory=dict)

    def hits(self, number: int) -> bool:
        """Say whether it is due at request `number`, counted from 1 in `where`."""
        return self.first <= number and (self.last is None or number <= self.last)


def parse(spec: str) -> Fault:
    """Read the text of one fault.

    Raises:
        Misuse: it is not one; says what is expected.
    """
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise Misuse(
            f"Fault {spec!r} is not [WHERE@]WHEN:NAME[:VALUE][:OPTION=VALUE], "
            "for example 3:429:retry-after=1 or 101@2:500."
        )
    name = match["name"]
    if name not in NAMES and not _STATUS.fullmatch(name):
        raise Misuse(
            f"Fault {spec!r}: there is no {name!r}. Known are an HTTP status "
            f"and {', '.join(sorted(NAMES))}."
        )
    parts = match["rest"].split(":")[1:]
    value = ":".join(part for part in parts if "=" not in part)
    options = dict(part.split("=", 1) for part in parts if "=" in part)
    pattern, example = VALUES.get(name, ("", ""))
    if not re.fullmatch(pattern, value):
        good = f"{match['when']}:{name}{':' * bool(example)}{example}"
        raise Misuse(f"Fault {spec!r}: {value!r} is no value of {name}. Write {good}.")
    first, last = _when(match["when"])
    return Fault(spec, match["where"] or "", first, last, name, value, options)


def _when(text: str) -> tuple[int, int | None]:
    if text == "*":
        return 1, None
    if text.endswith("+"):
        return int(text[:-1]), None
    first, _, last = text.partition("-")
    return int(first), int(last or first)


class Schedule:
    """Counts requests, and says which fault is due."""

    def __init__(self, specs: Iterable[str | Fault]) -> None:
        self._faults = [
            parse(spec) if isinstance(spec, str) else spec for spec in specs
        ]
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

    def next(self, endpoint: str, record_type: int | None) -> Fault | None:
        """Count one request and return the first fault that is due at it."""
        places = ["", endpoint]
        if record_type is not None:
            places += [str(record_type), f"{endpoint}/{record_type}"]
        with self._lock:
            for place in places:
                self._seen[place] = self._seen.get(place, 0) + 1
            seen = dict(self._seen)
        for fault in self._faults:
            if fault.where in places and fault.hits(seen[fault.where]):
                return fault
        return None


def listed(width: int = 76) -> str:
    """Return the names of all faults, wrapped to `width` columns."""
    return textwrap.fill(", ".join(sorted(NAMES)), width)
