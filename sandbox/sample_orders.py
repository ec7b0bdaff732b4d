"""The orders of a generated university, of any size.

The same seed and time of day 0 give the same bytes.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb

from runtime.exits import Misuse
from sandbox import sample_macros
from sandbox import sample_orders_sql as sql
from sandbox import sample_orders_values as values
from sandbox.records import Records

_MACROS = (
    sample_macros.MACROS,
    sql.MACROS,
    sql.PRICE,
    sql.NIGHTS,
    sql.NIGHT,
    sql.REQUEST,
    sql.SECTION,
)
_CATALOG = (sql.TERM, sql.TERM_ROWS, sql.BOOK, sql.OFFER)
# A table is dropped after its statements.
_STAGES = (
    ("counted", (sql.COUNTED, sql.PLACED)),
    ("placed", (sql.FILLED,)),
    ("filled", (sql.DATED,)),
    ("dated", (sql.ORDER,)),
)


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class OrderSample:
    """What is generated.

    Attributes:
        orders: the number of orders on day 0.
        seed: another seed is another university.
        day: nights after day 0; each adds and edits orders, cancels some, and
            changes prices.
        now: the time of day 0, from which terms and orders are dated. The default is
            the last midnight in UTC.
    """

    orders: int = 2000
    seed: int = 1
    day: int = 0
    now: datetime = field(default_factory=_midnight)

    def fill(self, records: Records) -> None:
        """Fill an empty store with the university's terms and orders.

        Raises:
            Misuse: a size or a day out of range, or a time without a zone.
        """
        if not 2 <= self.orders <= 20_000_000 or not 0 <= self.day <= 365:
            raise Misuse(
                "A sample has from 2 to 20,000,000 orders and a day from 0 to 365, "
                f"not {self.orders} orders and day {self.day}."
            )
        if self.now.tzinfo is None:
            raise Misuse(f"The time of a sample must have a zone: {self.now}.")
        connection = records.connection
        for name, value in self._variables().items():
            connection.execute(f"SET VARIABLE {name} = ?", [value])
        _tables(connection)
        for statement in (*_MACROS, *_CATALOG):
            connection.execute(statement)
        # Twice as fast; statements that need an order have ORDER BY.
        connection.execute("SET preserve_insertion_order = false")
        for stage, statements in _STAGES:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"DROP TABLE {stage}")
        connection.execute("RESET preserve_insertion_order")

    def _variables(self) -> dict[str, object]:
        return {
            "seed": self.seed,
            "orders": self.orders,
            "day": self.day,
            "new": max(2, self.orders // 200),
            "start": self.now.astimezone(UTC).replace(tzinfo=None),
            "books": sql.BOOKS,
            "odd": len(values.ODD_ITEMS),
            "subjects": values.SUBJECTS,
            "topics": values.TOPICS,
            "forms": values.FORMS,
            "given": values.GIVEN,
            "families": values.FAMILIES,
            "publishers": values.PUBLISHERS,
            "editions": values.EDITIONS,
            "solutions": values.SOLUTIONS,
            "statuses": values.STATUSES,
            "ends": values.ENDS,
            "typed_isbns": values.TYPED_ISBNS,
        }


def _tables(connection: duckdb.DuckDBPyConnection) -> None:
    tables: dict[str, tuple[str, list[tuple[object, ...]]]] = {
        "odd": ("slot INTEGER, name VARCHAR", list(values.slots())),
        "odd_item": (
            "nth INTEGER, name VARCHAR, title VARCHAR, authors VARCHAR[]",
            [(at, *row) for at, row in enumerate(values.ODD_ITEMS)],
        ),
        "example": (
            "i INTEGER, example_items INTEGER, example_requests INTEGER,"
            " example_sections INTEGER",
            [(at, *row) for at, row in enumerate(values.EXAMPLES)],
        ),
    }
    for name, (columns, rows) in tables.items():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
