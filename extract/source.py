"""What a source must be able to do to be copied, and what a page is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from extract.entities import Entity
from extract.transport import Transport
from runtime.exits import Refused


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its bytes (a JSON array), and the records read from them."""

    body: bytes
    rows: list[dict[str, Any]]

    def ids(self) -> list[int]:
        """The records' ids in the order they were sent.

        Raises:
            Refused: a record has no whole number as its Id.
        """
        try:
            return [int(row["Id"]) for row in self.rows]
        except (KeyError, TypeError, ValueError):
            raise Refused(
                "a record came without a whole number in `Id`: the known field `Id` "
                "is missing or has another type."
            ) from None


class Source(ABC):
    """One source: its lists can be counted, paged and swept.

    Attributes:
        name: the source's name, a folder under `landing/current`.
        entities: its lists, in the order in which they are read.
    """

    name: str
    entities: tuple[Entity, ...]

    def __init__(self, transport: Transport, page_size: int) -> None:
        self.transport = transport
        self.page_size = page_size

    @abstractmethod
    def count(self, entity: Entity) -> int:
        """Ask how many records the list has now."""

    @abstractmethod
    def page(self, entity: Entity, number: int) -> Page:
        """Fetch page `number` (from 1) of whole records."""

    @abstractmethod
    def sweep(self, entity: Entity, number: int) -> Page:
        """Fetch page `number` (from 1) of the records' ids alone."""

    @abstractmethod
    def record(self, entity: Entity, identity: int) -> Page | None:
        """Fetch one record by id; None where it is gone."""


def rows_of(value: Any, what: str) -> list[dict[str, Any]]:
    """Return `value` if it is a list of objects.

    Raises:
        Refused: it is something else: an error body sent with status 200, perhaps.
    """
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    found = str(value)[:80]
    raise Refused(f"{what}: expected a list of records, found {found!r}.")
