"""The records of a stand-in: JSON texts in a temporary DuckDB file.

A query is a sorted list of keys, and a page is a slice of that list. So a page of
1,000 out of millions of records is read quickly, wherever it lies in the list.
"""

import threading
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from runtime.exits import Misuse
from sandbox.jsontext import text_of, with_member

# Record types of Order Time: RecordTypeEnum on the vendor's page of enumerations.
PART, ASSEMBLY, LOCATION, ITEM_GROUP, MANUFACTURER = 101, 107, 150, 180, 220
STOCK_BY_ITEM, STOCK_BY_LOCATION = 1111, 1112

Row = Mapping[str, Any] | str

_CACHED_QUERIES = 32
_LARGEST_RECORD = 64 * 2**20
_STOCK_HAS_NO_ID: Mapping[int, str | None] = {
    STOCK_BY_ITEM: None,
    STOCK_BY_LOCATION: None,
}
# Keys follow the ids, so that a page is one range of keys.
_LOAD = """
    INSERT INTO record
    SELECT
        ?,
        (SELECT coalesce(max(key), 0) FROM record)
        + row_number() OVER (ORDER BY id, line),
        id,
        body
    FROM (
        SELECT
            body,
            row_number() OVER () AS line,
            coalesce(TRY_CAST(CAST(body AS JSON) ->> ? AS BIGINT), line) AS id
        FROM ({})
    )
    ORDER BY id, line
"""
_FROM_FILE = _LOAD.format(
    "SELECT CAST(json AS VARCHAR) AS body"
    " FROM read_json_objects(?, format = 'array', maximum_object_size = ?)"
)
_FROM_LIST = _LOAD.format("SELECT unnest(?) AS body")
# Stock per item is the sum over locations, as it is in Order Time. Numbers are
# summed as decimals, so that 0.1 + 0.2 is 0.3.
_SUM_STOCK = """
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


@dataclass(frozen=True, slots=True)
class Query:
    """Records of one type; `where` and `order` are SQL over the table `record`.

    A client's values go into `parameters` only, never into the SQL.
    """

    record_type: int
    where: str = "true"
    parameters: tuple[Any, ...] = ()
    order: str = "id"

    @property
    def condition(self) -> str:
        """The SQL condition that its records meet."""
        return f"type = {self.record_type:d} AND ({self.where})"

    def select(self, columns: str) -> str:
        """Return the SQL that reads `columns` of its records, in order."""
        return (
            f"SELECT {columns} FROM record WHERE {self.condition}"
            f" ORDER BY {self.order}, id, key"
        )


class Records:
    """All records of one stand-in; safe to read and change from several threads."""

    def __init__(
        self, folder: Path, id_names: Mapping[int, str | None] = _STOCK_HAS_NO_ID
    ) -> None:
        """Open an empty store.

        Args:
            folder: a private one, for the file.
            id_names: the member that holds a record's id, by type: None where
                records have no id, `Id` for a type that is not given.
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
        self._cache: dict[Query, array[int]] = {}
        self._stock_is_summed = False

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def load(self, record_type: int, source: Path | Iterable[Row]) -> None:
        """Add records, digit for digit as they are written.

        Args:
            record_type: their number.
            source: a file with one JSON array of objects, perhaps compressed by
                gzip; or records, each a mapping or a JSON text.

        Raises:
            Misuse: the file is not an array of JSON objects.
        """
        parameters = [record_type, f"$.{self._id_names.get(record_type) or 'Id'}"]
        if not isinstance(source, Path):
            texts = [row if isinstance(row, str) else text_of(row) for row in source]
            if texts:
                self.connection.execute(_FROM_LIST, [*parameters, texts])
            return
        try:
            self.connection.execute(
                _FROM_FILE, [*parameters, str(source), _LARGEST_RECORD]
            )
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise Misuse(
                f"{source} is not an array of JSON objects: {reason}"
            ) from None

    def load_folder(
        self, folder: Path, names: Mapping[str, int], needed: Collection[str]
    ) -> set[int]:
        """Load the file `<name>.json` or `<name>.json.gz` of each name.

        Args:
            folder: where the files are.
            names: the record type that each file holds, by name.
            needed: the names that must have a file.

        Returns:
            The record types that were loaded.

        Raises:
            Misuse: a file is missing, or is not an array of JSON objects.
        """
        loaded = set()
        for name, record_type in names.items():
            paths = (folder / f"{name}.json", folder / f"{name}.json.gz")
            path = next((path for path in paths if path.is_file()), None)
            if path:
                self.load(record_type, path)
                loaded.add(record_type)
            elif name in needed:
                raise Misuse(
                    f"{folder} has no {name}.json or {name}.json.gz. It must have "
                    f"{', '.join(needed)}."
                )
        return loaded

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
        select = "SELECT key, body FROM record WHERE type = ? AND key "
        # A range of keys is found without reading the other records.
        if keys[-1] - keys[0] == len(keys) - 1 and sorted(keys) == keys.tolist():
            rows = self._rows(
                f"{select} BETWEEN ? AND ?", query.record_type, keys[0], keys[-1]
            )
        else:
            rows = self._rows(
                f"{select} IN (SELECT unnest(?))", query.record_type, keys.tolist()
            )
        bodies = dict(rows)
        # Another thread may have removed a record since the keys were listed.
        return [bodies[key] for key in keys if key in bodies]

    def insert(self, record_type: int, record: Row, first: bool = False) -> int:
        """Add a record.

        Args:
            record_type: its number.
            record: its members, or its JSON text.
            first: give it an id below all others, so that every page shifts.
                Otherwise it keeps its own id, or gets one above all others.

        Returns:
            Its id; rows of stock have one too, though it is not served.
        """
        body = record if isinstance(record, str) else text_of(record)
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
        """Remove the records of a query; return how many."""
        with self._lock:
            sql = f"DELETE FROM record WHERE {query.condition}"
            removed = self._rows(sql, *query.parameters)[0][0]
            self._changed()
        return int(removed)

    def delete_first(self, record_type: int) -> None:
        """Remove the first record of a type, so that every page shifts."""
        with self._lock:
            key = self._keys(Query(record_type))[0]
            self.delete(Query(record_type, "key = ?", (key,)))

    def update(self, query: Query, **members: Any) -> int:
        """Set top-level members of the records of a query; return how many.

        Other members keep every digit; a `Verbatim` value is written unchanged.
        """
        with self._lock:
            rows = self._rows(query.select("key, body"), *query.parameters)
            for key, body in rows:
                for name, value in members.items():
                    body = with_member(body, name, text_of(value))
                self._rows(
                    "UPDATE record SET body = ? WHERE type = ? AND key = ?",
                    body,
                    query.record_type,
                    key,
                )
            self._changed()
        return len(rows)

    def _changed(self) -> None:
        self._cache.clear()
        if self._stock_is_summed:
            self._rows("DELETE FROM record WHERE type = 1111")
            self._stock_is_summed = False

    def _keys(self, query: Query) -> "array[int]":
        with self._lock:
            if query.record_type == STOCK_BY_ITEM and not self._stock_is_summed:
                self._rows(_SUM_STOCK)
                self._stock_is_summed = True
            if query not in self._cache:
                while len(self._cache) >= _CACHED_QUERIES:
                    self._cache.pop(next(iter(self._cache)))
                cursor = self.connection.cursor()
                cursor.execute(query.select("key"), query.parameters)
                keys = cursor.to_arrow_table()["key"]
                self._cache[query] = array("q", keys.to_numpy().tobytes())
            return self._cache[query]

    def _rows(self, sql: str, *parameters: Any) -> Sequence[tuple[Any, ...]]:
        return self.connection.cursor().execute(sql, parameters).fetchall()
