"""The interface of a source, and a page."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from extract.entities import Entity
from extract.strict_json import Row
from extract.transport import Transport
from runtime.exits import Refused


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: its bytes (a JSON array) and the ids of its records."""

    body: bytes
    rows: list[Row]

    def ids(self) -> list[int]:
        """The records' ids in the order they were sent.

        Raises:
            Refused: a record has no Id.
        """
        ids = [row.Id for row in self.rows if row.Id is not None]
        if len(ids) != len(self.rows):
            raise Refused("the known field Id is missing from a record.")
        return ids


class Source(ABC):
    """One source: its lists can be counted, read by pages.

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

    def list_ids(self, entity: Entity, number: int) -> Page:
        """Fetch page `number` (from 1) of the records' ids alone.

        Only for entities with `has_ids`: others are read twice instead.
        """
        raise NotImplementedError(f"{self.name} has no light list")

    def record(self, entity: Entity, identity: int) -> Page | None:
        """Fetch one record by id; None where it is gone.

        Only for entities with a `record_path`.
        """
        raise NotImplementedError(f"{self.name} has no records by id")
