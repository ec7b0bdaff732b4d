"""The client of the order tool: a bearer token, and pages in an envelope.

No public API of the order tool exists; this one is defined in docs/order-tool-api.md.
"""

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec

from extract.entities import ORDER_TOOL, Entity
from extract.source import Page, Source
from extract.strict_json import (
    MOST_RECORDS,
    parse,
    parse_rows,
    refuse_depth,
    refuse_other_encodings,
    undecodable,
)
from extract.transport import HttpLimits, Names, Transport, check_address
from runtime.display import beginning
from runtime.environment import Environment
from runtime.exits import Refused
from runtime.http import Proxy

PAGE_LIMIT = 1000
Value = TypeVar("Value")


def connect(variables: Environment) -> "OrderTool":
    """Read ORDER_TOOL_* and return the source; no request is made.

    ORDER_TOOL_URL and _TOKEN; optionally _CA_FILE and _PAGE_SIZE (500).

    Raises:
        Misuse: a variable is missing or wrong; names it.
    """
    address = check_address("ORDER_TOOL_URL", variables.text("ORDER_TOOL_URL"))
    token = variables.header("ORDER_TOOL_TOKEN")
    transport = Transport(
        address,
        {"Authorization": f"Bearer {token}", "Accept": "application/json"},
        variables.authorities("ORDER_TOOL_CA_FILE"),
        variables.settings(HttpLimits, "FEEDS_HTTP_"),
        Names("ORDER_TOOL", "ORDER_TOOL_TOKEN"),
        Proxy.from_environment(variables),
    )
    return OrderTool(
        transport, variables.count("ORDER_TOOL_PAGE_SIZE", 500, 1, PAGE_LIMIT)
    )


_Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_RECORDS)]


class Envelope(msgspec.Struct):
    """One answer: the records as they were sent, and the number of their page."""

    data: msgspec.Raw
    page: _Count
    pages: _Count
    total: _Count


_ENVELOPE = msgspec.json.Decoder(Envelope)


class OrderTool(Source):
    """The order tool as a `Source`.

    Its lists have no light form, so each is read twice and its keys compared.
    """

    name = "order_tool"
    entities = ORDER_TOOL

    def count(self, entity: Entity) -> int:
        """Ask how many records a list has: every page says the total."""
        return self._ask(entity, 1, 1, read_envelope).total

    def page(self, entity: Entity, number: int) -> Page:
        """Fetch page `number` (from 1) of whole records."""
        return self._ask(entity, number, self.page_size, _read_page(number))

    def _ask(
        self, entity: Entity, number: int, size: int, read: Callable[[bytes], Value]
    ) -> Value:
        _, value = self.transport.ask(
            "GET",
            str(entity.address),
            read,
            params={"page": number, "page_size": size},
        )
        return value


def _read_page(number: int) -> Callable[[bytes], Page]:
    def read(body: bytes) -> Page:
        envelope = read_envelope(body)
        if envelope.page != number:
            raise Refused(f"expected page {number}, found {envelope.page}.")
        array = bytes(envelope.data)
        return Page(array, parse_rows(array))

    return read


def read_envelope(body: bytes) -> Envelope:
    """Split an answer; its records stay bytes.

    Raises:
        ValueError: it is not JSON: perhaps cut.
        Refused: it is hostile, or JSON of another shape.
    """
    refuse_other_encodings(body)
    refuse_depth(body)
    try:
        envelope = _ENVELOPE.decode(body)
    except msgspec.ValidationError as error:
        start = beginning(body, 80)
        raise Refused(
            'expected {"data": [...], "page": n, "pages": n, "total": n}, '
            f"found {start!r} ({error})."
        ) from None
    except msgspec.DecodeError as error:
        raise undecodable(body, error) from None
    # Without its records, a page is short enough to be read strictly: a key that
    # appears twice in the envelope is refused.
    parse(body.replace(bytes(envelope.data), b"null", 1))
    return envelope
