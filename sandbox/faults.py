"""Faults by request number: `[WHERE@]WHEN:NAME[:VALUE][:OPTION=VALUE]`.

WHERE is an endpoint (`list`, `count`, `partitem`, ...; `terms`, `orders`). For Order
Time it may also be a record type, or both as `endpoint/type`. Requests are counted
within WHERE, retries included. WHEN is `3`, `3-5`, `3+` or `*`. `corruption` defines
what each NAME does.
"""

import re
import textwrap
import threading
from collections import Counter
from collections.abc import Iterable

from runtime.exits import Misuse
from sandbox.corruption import NAMES, VALUES, Fault

_SPEC = re.compile(
    r"((?P<where>[a-z0-9/]+)@)?(?P<when>\*|\d+(-\d+|\+)?)"
    r":(?P<name>[a-z0-9-]+)(?P<rest>(:.*)?)"
)
EXAMPLES = """\
  3:429:retry-after=1    the third request gets a 429 with Retry-After: 1
  101@2:500              the second request for type 101 fails
  count@1:miscount:-3    the first count is too low by three
  list/1112@2-4:reset    requests 2 to 4 for stock lose their connection
  5+:slow:0.2            from the fifth request on, a body takes 0.2 s
  101@3:shift            from then on the first item is missing (:+1: one more)
  2:retype:Price         the Price of the first row is a text"""
ORDER_EXAMPLES = """\
  orders@2:cut           the second request for orders loses half its body
  orders@*:shift         the first order disappears, at every request
  orders@1:miscount:-3   the total is too low by three, once
  terms@1:mispage        page 1 has the number 2
  orders@2:retype:is_royalty
  orders@2:duplicate-keys:catalog_items"""
_STATUS = re.compile(r"[1-5]\d\d")


def parse(spec: str) -> Fault:
    """Parse one fault.

    Raises:
        Misuse: it does not match the grammar; the message gives an example.
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
            f"Fault {spec!r}: there is no {name!r}. Use an HTTP status or one of "
            f"{', '.join(sorted(NAMES))}."
        )
    parts = match["rest"].split(":")[1:]
    value = ":".join(part for part in parts if "=" not in part)
    options = dict(part.split("=", 1) for part in parts if "=" in part)
    pattern, example = VALUES.get(name, ("", ""))
    if not re.fullmatch(pattern, value):
        correct = f"{match['when']}:{name}{':' * bool(example)}{example}"
        raise Misuse(
            f"Fault {spec!r}: {value!r} is not a value of {name}. "
            f"Write, for example, {correct}."
        )
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
    """Counts requests and chooses the fault for each."""

    def __init__(self, specs: Iterable[str | Fault]) -> None:
        self._faults = [
            parse(spec) if isinstance(spec, str) else spec for spec in specs
        ]
        self._requests: Counter[str] = Counter()
        self._lock = threading.Lock()

    def next(self, endpoint: str, record_type: int | None) -> Fault | None:
        """Count one request and return the first fault that is due at it."""
        places = {"", endpoint}
        if record_type is not None:
            places |= {str(record_type), f"{endpoint}/{record_type}"}
        with self._lock:
            self._requests.update(places)
            numbers = dict(self._requests)
        for fault in self._faults:
            if fault.where in places and fault.is_due(numbers[fault.where]):
                return fault
        return None


def list_names(width: int = 76) -> str:
    """Return the names of all faults, wrapped to `width` columns."""
    return textwrap.fill(", ".join(sorted(NAMES)), width)
