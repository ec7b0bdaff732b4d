"""The records of the stand-in: JSON texts in a temporary DuckDB file.

A query is a list of keys in order, and a page is a slice of it: that keeps pages of
1,000 out of millions quick, wherever they lie, without a record in Python's memory.
"""

import threading
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from sandbox.jsontext import text_of, with_member
from sandbox.query import BY_ITEM, BY_LOCATION, Query, by_keys

_KEPT_QUERIES = 32
_STOCK_HAS_NO_ID: Mapping[int, str | None] = {BY_ITEM: None, BY_LOCATION: None}

# Stock per item is the sum over locations, as it is in Order Time; the numbers are
# summed as decimals so that 0.1 + 0.2 is 0.3.
_STOCK_BY_ITEM = """
    INSERT INTO record
    SELECT
        1111,
        row_number() OVER (ORDER BY item),
        row_number() OVER (ORDER BY item),
        '{"ItemRef":' || any_value(ref)
        || ',"Available":' || coalesce(CAST(sum(available) AS VARCHAR), 'null')
        || ',"OnHand":' || coalesce(CAST(sum(on_hand) AS VARCHAR), 'null') || '}'
    FROM (
        SELECT
            body -> '$.ItemRef' AS ref,
            CAST(body ->> '$.ItemRef.Id' AS BIGINT) AS item,
            TRY_CAST(body ->> '$.Available' AS DECIMAL(38, 4)) AS available,
            TRY_CAST(body ->> '$.OnHand' AS DECIMAL(38, 4)) AS on_hand
        FROM record
        WHERE type = 1112
    )
    GROUP BY item
"""


class Records:
    """All records of one stand-in; safe to read and change from several threads."""

    def __init__(
        self, folder: Path, id_names: Mapping[int, str | None] = _STOCK_HAS_NO_ID
    ) -> None:
        """Open an empty store.

        Args:
            folder: a private one, for the file.
            id_names: the member that holds a record's id, by type: `Id` where
                nothing is said, None where records carry none.
        """
        self._id_names = id_names
        self.connection = duckdb.connect(str(folder / "records.duckdb"))
        # Uncompressed, a page is read in 3 ms instead of up to 800.
        self.connection.execute("SET force_compression = 'uncompressed'")
        self.connection.execute("SET memory_limit = '2GB'")
        self.connection.execute("SET enable_progress_bar = false")
        self.connection.execute(
            "CREATE TABLE record (type USMALLINT, key BIGINT, id BIGINT, body VARCHAR)"
        )
        self._lock = threading.RLock()
        self._kept: dict[Query, array[int]] = {}
        self._stock_is_summed = False

    def close(self) -> None:
        """Let go of the file; nothing is kept."""
        self.connection.close()

    def count(self, query: Query) -> int:
        """Count the records of a query."""
        return len(self._keys(query))

    def ids(self, query: Query) -> list[int]:
        """Return the ids of a query's records, in its order."""
        return [row[0] for row in self._rows(query.select("id"), *query.parameters)]

    def page(self, query: Query, number: int, size: int) -> list[str]:
        """Return page `number` (from 1) of `size` records as JSON texts."""
        keys = self._keys(query)[(number - 1) * size : number * size]
        if not keys:
            return []
        by_range, by_list = by_keys(query.types)
        if keys[-1] - keys[0] == len(keys) - 1 and sorted(keys) == keys.tolist():
            rows = self._rows(by_range, keys[0], keys[-1])
        else:
            rows = self._rows(by_list, keys.tolist())
        found = dict(rows)
        # A record removed since the keys were listed is simply no longer there.
        return [found[key] for key in keys if key in found]

    def kind(self, query: Query, path: str) -> str | None:
        """Say what a property holds: a type of JSON, "NULL", or None for no such.

        Args:
            query: says whose property.
            path: where it lies, as `filters.path` gives it.
        """
        there = f"SELECT json_type(body, '{path}') AS kind FROM record WHERE "
        types = f"list_contains({list(query.types)}, type) AND "
        for condition in ("kind <> 'NULL'", f"json_exists(body, '{path}')"):
            rows = self._rows(f"{there}{types}{condition} LIMIT 1")
            if rows:
                return str(rows[0][0])
        return None

    def insert(
        self, record_type: int, record: Mapping[str, Any] | str, first: bool = False
    ) -> int:
        """Add a record.

        Args:
            record_type: its number.
            record: its members, or its JSON text.
            first: give it an id below all others, so that every page shifts.
                Otherwise its own id, or one above all others, is used.

        Returns:
            Its id; rows of stock have one too, though it is not served.
        """
        body = record if isinstance(record, str) else text_of(dict(record))
        with self._lock:
            low, high = self._rows(
                "SELECT coalesce(min(id), 2) - 1, coalesce(max(id), 0) + 1"
                " FROM record WHERE type = ?",
                record_type,
            )[0]
            name = self._id_names.get(record_type, "Id")
            own = self._rows("SELECT CAST(? AS JSON) ->> ?", body, name or "Id")[0][0]
            number = int(low if first else own or high)
            if name is not None:
                body = with_member(body, name, str(number))
            self._rows(
                "INSERT INTO record"
                " SELECT ?, coalesce(max(key), 0) + 1, ?, ? FROM record",
                record_type,
                number,
                body,
            )
            self._changed()
        return number

    def delete(self, query: Query) -> int:
        """Remove the records of a query; returns how many."""
        with self._lock:
            removed = self._rows(query.delete(), *query.parameters)[0][0]
            self._changed()
        return int(removed)

    def delete_first(self, record_type: int) -> None:
        """Remove the first record of a type, so that every page shifts."""
        with self._lock:
            key = self._keys(Query(record_type))[0]
            self.delete(Query(record_type, "key = ?", (key,)))

    def update(self, query: Query, **members: Any) -> int:
        """Set top-level members of the records of a query; returns how many.

        Other members keep every digit; a `Verbatim` value is written as it stands.
        """
        with self._lock:
            rows = self._rows(query.select("type, key, body"), *query.parameters)
            for record_type, key, body in rows:
                new = body
                for name, value in members.items():
                    new = with_member(new, name, text_of(value))
                self._rows(
                    "UPDATE record SET body = ? WHERE type = ? AND key = ?",
                    new,
                    record_type,
                    key,
                )
            self._changed()
        return len(rows)

    def _changed(self) -> None:
        self._kept.clear()
        if self._stock_is_summed:
            self._rows("DELETE FROM record WHERE type = 1111")
            self._stock_is_summed = False

    def _keys(self, query: Query) -> "array[int]":
        with self._lock:
            if query.record_type == BY_ITEM and not self._stock_is_summed:
                self._rows(_STOCK_BY_ITEM)
                self._stock_is_summed = True
            if query not in self._kept:
                while len(self._kept) >= _KEPT_QUERIES:
                    self._kept.pop(next(iter(self._kept)))
                cursor = self.connection.cursor()
                cursor.execute(query.select("key"), query.parameters)
                keys = cursor.to_arrow_table()["key"]
                self._kept[query] = array("q", keys.to_numpy().tobytes())
            return self._kept[query]

    def _rows(self, sql: str, *parameters: Any) -> Sequence[tuple[Any, ...]]:
        return self.connection.cursor().execute(sql, parameters).fetchall()
