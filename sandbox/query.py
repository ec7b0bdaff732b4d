"""Which records, in which order: what a ListInfo comes down to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PART, NON_PART, ASSEMBLY, ITEM_ALL = 101, 103, 107, 115
LOCATION, ITEM_GROUP, MANUFACTURER = 150, 180, 220
BY_ITEM, BY_LOCATION = 1111, 1112
ITEM_KINDS = (PART, NON_PART, ASSEMBLY)


@dataclass(frozen=True, slots=True)
class Query:
    """Records of one type; `where` and `order` are SQL over the table `record`.

    Values of a client stand in `parameters` only, never in the SQL.
    """

    record_type: int
    where: str = "true"
    parameters: tuple[Any, ...] = ()
    order: str = "id"

    @property
    def types(self) -> tuple[int, ...]:
        """The kinds of records that the asked type lists."""
        return ITEM_KINDS if self.record_type == ITEM_ALL else (self.record_type,)

    @property
    def scope(self) -> str:
        """The SQL condition of this query, without its order."""
        return f"type IN ({_numbers(self.types)}) AND ({self.where})"

    def select(self, what: str) -> str:
        """Return the SQL that gives `what` of every record, in order."""
        return (
            f"SELECT {what} FROM record WHERE {self.scope}"
            f" ORDER BY {self.order}, id, key"
        )

    def delete(self) -> str:
        """Return the SQL that removes the records."""
        return f"DELETE FROM record WHERE {self.scope}"


def by_keys(types: Sequence[int]) -> tuple[str, str]:
    """Return the SQL that gives key and body of records by key, in any order.

    Returns:
        One for a range of keys (parameters: lowest, highest), found without a look
        at the other records, and one for any keys (parameter: a list).
    """
    sql = f"SELECT key, body FROM record WHERE type IN ({_numbers(types)}) AND key "
    return sql + "BETWEEN ? AND ?", sql + "IN (SELECT unnest(?))"


def _numbers(values: Sequence[int]) -> str:
    return ", ".join(str(int(value)) for value in values)
