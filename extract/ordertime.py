"""The client of Order Time: headers, lists, counts, one record by id.

Only documented behaviour is used:
https://help.ordertime.com/help/order-time-rest-api and .../working-with-entity-refs.
"""

from collections.abc import Callable
from typing import Any

from extract.entities import ORDERTIME, Entity
from extract.source import Page, Source
from extract.strict_json import Row, parse, parse_count, parse_rows, parse_typed_rows
from extract.transport import HttpLimits, Names, Transport, check_address
from runtime.environment import Environment
from runtime.exits import Misuse
from runtime.http import Proxy

PAGE_LIMIT = 1000  # records a query; "Rate Limit" on the vendor's page
ASCENDING = 1  # SortDirEnum


def connect(variables: Environment) -> "OrderTime":
    """Read ORDERTIME_* and return the source; no request is made.

    ORDERTIME_URL, _API_KEY, _EMAIL, and _PASSWORD or _DEV_KEY; optionally
    _CA_FILE and _PAGE_SIZE (1000).

    Raises:
        Misuse: a variable is missing or wrong; names it.
    """
    address = check_address(
        "ORDERTIME_URL",
        variables.text("ORDERTIME_URL", "https://services.ordertime.com/api"),
    )
    headers = {
        "apiKey": variables.header("ORDERTIME_API_KEY"),
        "email": variables.header("ORDERTIME_EMAIL"),
        "Accept": "application/json",
    }
    # A DevKey replaces the password; both together are wrong.
    if variables.optional("ORDERTIME_DEV_KEY"):
        headers["DevKey"] = variables.header("ORDERTIME_DEV_KEY")
    elif variables.optional("ORDERTIME_PASSWORD"):
        headers["password"] = variables.header("ORDERTIME_PASSWORD")
    else:
        raise Misuse(
            "neither ORDERTIME_PASSWORD nor ORDERTIME_DEV_KEY is set. Order Time "
            "takes one of them with ORDERTIME_API_KEY and ORDERTIME_EMAIL."
        )
    transport = Transport(
        address,
        headers,
        variables.authorities("ORDERTIME_CA_FILE"),
        variables.settings(HttpLimits, "FEEDS_HTTP_"),
        Names(
            "ORDERTIME",
            "ORDERTIME_API_KEY, ORDERTIME_EMAIL and ORDERTIME_PASSWORD or "
            "ORDERTIME_DEV_KEY",
        ),
        Proxy.from_environment(variables),
    )
    return OrderTime(
        transport, variables.count("ORDERTIME_PAGE_SIZE", PAGE_LIMIT, 1, PAGE_LIMIT)
    )


class OrderTime(Source):
    """Order Time as a `Source`."""

    name = "ordertime"
    entities = ORDERTIME

    def count(self, entity: Entity) -> int:
        """Ask how many records a list has: PUT /list answers a bare integer."""
        _, count = self.transport.ask(
            "PUT",
            "list",
            lambda body: parse_count(parse(body)),
            json={"Type": entity.address},
        )
        return count

    def page(self, entity: Entity, number: int) -> Page:
        """Fetch page `number` (from 1) of whole records."""
        # Of a list that is read twice, landing sees one reading alone.
        read = parse_typed_rows if entity.has_ids else parse_rows
        return self._list("list", entity, number, read)

    def list_ids(self, entity: Entity, number: int) -> Page:
        """Fetch page `number` of `{Id, Name}`: light, for a second look at the keys."""
        return self._list("entityref", entity, number, parse_rows)

    def record(self, entity: Entity, identity: int) -> Page | None:
        """Fetch one record by id, as a page of one; None where it is gone."""
        try:
            body, value = self.transport.ask(
                "GET", str(entity.record_path), parse, params={"id": identity}
            )
        except Misuse:
            # What an unknown id answers is not documented. The next reading decides.
            return None
        if not isinstance(value, dict):
            return None
        array = b"[" + body + b"]"
        return Page(array, parse_rows(array))

    def _list(
        self,
        path: str,
        entity: Entity,
        number: int,
        read: Callable[[bytes], list[Row]],
    ) -> Page:
        query: dict[str, Any] = {
            "Type": entity.address,
            "PageNumber": number,
            "NumberOfRecords": self.page_size,
        }
        if entity.has_ids:
            query["Sortation"] = {"PropertyName": "Id", "Direction": ASCENDING}
        return Page(*self.transport.ask("POST", path, read, json=query))
