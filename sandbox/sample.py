"""A generated distributor of collision parts, of any size.

The same seed gives the same bytes.
"""

from dataclasses import dataclass

import duckdb

from runtime.exits import Misuse
from sandbox import sample_items, sample_macros, sample_stock
from sandbox import sample_values as values
from sandbox.records import Records

# A table is dropped after its statements, so that a large sample fits in memory.
_STAGES = (
    ("counted", (sample_items.COUNTED, sample_items.IDENTIFIED)),
    ("identified", (sample_items.NUMBERED,)),
    ("numbered", (sample_items.PRICED,)),
    ("priced", (sample_items.RECORDED,)),
    ("recorded", (sample_items.ITEM, sample_items.ASSEMBLY, sample_stock.STOCK)),
    ("stock", (sample_stock.ROWS, sample_stock.KITS)),
)
_LIST = """
    INSERT INTO record
    SELECT ?, (SELECT coalesce(max(key), 0) FROM record) + row_number() OVER (), *
    FROM (SELECT id, '{"Id":' || id || ',"Name":' || j(name) || more || '}' FROM
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is generated.

    Attributes:
        items: the number of Part Items on day 0.
        seed: another seed is another distributor.
        day: days after day 0; each changes stock and prices, and adds and removes a
            few items.
    """

    items: int = 2000
    seed: int = 1
    day: int = 0

    def fill(self, records: Records) -> None:
        """Fill an empty store with the distributor's records.

        Raises:
            Misuse: a size or a day out of range.
        """
        if not 4 <= self.items <= 20_000_000 or not 0 <= self.day <= 365:
            raise Misuse(
                "A sample has from 4 to 20,000,000 items and a day from 0 to 365, "
                f"not {self.items} items and day {self.day}."
            )
        connection = records.connection
        _set(connection, "seed", self.seed)
        _set(connection, "items", self.items)
        _set(connection, "day", self.day)
        _set(connection, "new", max(1, self.items // 500))
        _set(connection, "vehicles", len(values.VEHICLES))
        _set(connection, "parts", len(values.PARTS))
        connection.execute(sample_macros.MACROS)
        # Twice as fast; statements that need an order have ORDER BY.
        connection.execute("SET preserve_insertion_order = false")
        _tables(connection)
        for stage, statements in _STAGES:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"DROP TABLE {stage}")
        _lists(connection)
        connection.execute("RESET preserve_insertion_order")


def _set(connection: duckdb.DuckDBPyConnection, name: str, value: object) -> None:
    connection.execute(f"SET VARIABLE {name} = ?", [value])


def _tables(connection: duckdb.DuckDBPyConnection) -> None:
    groups = dict.fromkeys([*(part[0] for part in values.PARTS), *values.OTHER_GROUPS])
    makers = dict.fromkeys(
        [*(vehicle[0] for vehicle in values.VEHICLES), *(b[1] for b in values.BRANDS)]
    )
    tables: dict[str, tuple[str, list[tuple[object, ...]]]] = {
        "vehicle": (
            "place INTEGER, make VARCHAR, model VARCHAR, year_from INTEGER,"
            " year_to INTEGER, letters VARCHAR, shape VARCHAR",
            [(at, *row) for at, row in enumerate(values.VEHICLES)],
        ),
        "part": (
            "place INTEGER, item_group VARCHAR, title VARCHAR, part_code VARCHAR,"
            " head VARCHAR, weight DOUBLE, list_price INTEGER, core_charge INTEGER,"
            " trade VARCHAR",
            [(at, *row) for at, row in enumerate(values.PARTS)],
        ),
        "brand": (
            "turn INTEGER, trade VARCHAR, name VARCHAR, prefix VARCHAR",
            [(at % 3, *row) for at, row in enumerate(values.BRANDS)],
        ),
        "place": (
            "id INTEGER, name VARCHAR, is_available BOOLEAN",
            [(at, *row) for at, row in enumerate(values.LOCATIONS, 1)],
        ),
        "preview": (
            "i INTEGER, name VARCHAR, part_type VARCHAR, on_hand INTEGER, part INTEGER",
            [(at, *row) for at, row in enumerate(values.PREVIEW)],
        ),
        "edge_case": (
            "slot INTEGER, name VARCHAR, part_type VARCHAR",
            list(values.slots()),
        ),
        "item_group": (
            "id INTEGER, name VARCHAR",
            list(enumerate(groups, 1)),
        ),
        "manufacturer": (
            "id INTEGER, name VARCHAR",
            list(enumerate(makers, 101)),
        ),
    }
    for name, (columns, rows) in tables.items():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)


def _lists(connection: duckdb.DuckDBPyConnection) -> None:
    active = """',"IsActive":true' AS more"""
    place = """',"IsAvailable":' || is_available || ',"IsActive":true' AS more"""
    for record_type, table, more in (
        (150, "place", place),
        (180, "item_group", active),
        (220, "manufacturer", active),
    ):
        connection.execute(
            f"{_LIST} (SELECT *, {more} FROM {table}) ORDER BY id)", [record_type]
        )
