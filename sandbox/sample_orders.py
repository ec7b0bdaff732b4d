"""A made-up university's orders: the same for the same seed and moment, any size."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb

from runtime.exits import Misuse
from sandbox import sample_macros
from sandbox import sample_orders_catalog as catalog
from sandbox import sample_orders_drawn as drawn
from sandbox import sample_orders_words as words
from sandbox.records import Records

_MACROS = (
    sample_macros.MACROS,
    catalog.MACROS,
    catalog.PRICE,
    drawn.NIGHTS,
    drawn.NIGHT,
    drawn.REQUEST,
    drawn.SECTION,
)
_CATALOG = (catalog.TERM, catalog.TERM_ROWS, catalog.BOOK, catalog.OFFER)
# Each stage is dropped once what is made from it is there.
_STAGES = (
    ("counted", (drawn.COUNTED, drawn.PLACED)),
    ("placed", (drawn.HELD,)),
    ("held", (drawn.DATED,)),
    ("dated", (drawn.ORDER,)),
)


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class OrderSample:
    """How much is made up.

    Attributes:
        orders: how many orders there are on day 0.
        seed: another seed is another university.
        day: nights after day 0; each brings new orders, edits, cancelations and
            changes of price.
        now: the moment of day 0: term dates and order dates follow it. Without one,
            the last midnight, UTC.
    """

    orders: int = 2000
    seed: int = 1
    day: int = 0
    now: datetime = field(default_factory=_midnight)

    def fill(self, records: Records) -> None:
        """Fill an empty store with the university's terms and orders.

        Raises:
            Misuse: a size, a day or a moment that cannot be.
        """
        if not 2 <= self.orders <= 20_000_000 or not 0 <= self.day <= 365:
            raise Misuse(
                "A sample has from 2 to 20,000,000 orders and a day from 0 to 365, "
                f"not {self.orders} orders and day {self.day}."
            )
        if self.now.tzinfo is None:
            raise Misuse(f"The moment of a sample must have a zone: {self.now}.")
        connection = records.connection
        for name, value in self._variables().items():
            connection.execute(f"SET VARIABLE {name} = ?", [value])
        _tables(connection)
        for statement in (*_MACROS, *_CATALOG):
            connection.execute(statement)
        # Twice as quick; what must have an order says so.
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
            "books": catalog.BOOKS,
            "odd": len(words.ODD_ITEMS),
            "subjects": words.SUBJECTS,
            "topics": words.TOPICS,
            "forms": words.FORMS,
            "given": words.GIVEN,
            "families": words.FAMILIES,
            "publishers": words.PUBLISHERS,
            "editions": words.EDITIONS,
            "solutions": words.SOLUTIONS,
            "statuses": words.STATUSES,
            "ends": words.ENDS,
            "typed_isbns": words.TYPED_ISBNS,
        }


def _tables(connection: duckdb.DuckDBPyConnection) -> None:
    tables: dict[str, tuple[str, list[tuple[object, ...]]]] = {
        "odd": ("slot INTEGER, name VARCHAR", list(words.slots())),
        "odd_item": (
            "nth INTEGER, name VARCHAR, title VARCHAR, authors VARCHAR[]",
            [(at, *row) for at, row in enumerate(words.ODD_ITEMS)],
        ),
        "example": (
            "i INTEGER, example_items INTEGER, example_requests INTEGER,"
            " example_sections INTEGER",
            [(at, *row) for at, row in enumerate(words.EXAMPLES)],
        ),
    }
    for name, (columns, rows) in tables.items():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
