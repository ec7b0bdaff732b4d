"""Records from a folder of JSON files, digit for digit as they stand there."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from runtime.exits import Misuse
from sandbox.jsontext import text_of
from sandbox.query import BY_LOCATION, ITEM_GROUP, LOCATION, MANUFACTURER, PART
from sandbox.records import Records

Row = Mapping[str, Any] | str

_LARGEST_RECORD = 64 * 2**20
_FILES = {
    "part_items": PART,
    "locations": LOCATION,
    "stock_by_location": BY_LOCATION,
    "item_groups": ITEM_GROUP,
    "manufacturers": MANUFACTURER,
}
_NEEDED = ("part_items", "locations", "stock_by_location")
_DERIVED = {ITEM_GROUP: "$.ItemGroupRef", MANUFACTURER: "$.ManufacturerRef"}

# Records lie in the order of their ids, so that a page is one range of keys.
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
            coalesce(TRY_CAST(CAST(body AS JSON) ->> '$.Id' AS BIGINT), line) AS id
        FROM ({})
    )
    ORDER BY id, line
"""
_FROM_FILE = _LOAD.format(
    "SELECT CAST(json AS VARCHAR) AS body"
    " FROM read_json_objects(?, format = 'array', maximum_object_size = ?)"
)
_FROM_LIST = _LOAD.format("SELECT unnest(?) AS body")
_DERIVE = """
    INSERT INTO record
    SELECT
        ?,
        (SELECT max(key) FROM record) + row_number() OVER (ORDER BY id),
        id,
        '{"Id":' || id || ',"Name":' || name || ',"IsActive":true}'
    FROM (
        SELECT
            CAST(body ->> (? || '.Id') AS BIGINT) AS id,
            any_value(body -> (? || '.Name')) AS name
        FROM record
        WHERE type IN (101, 103, 107) AND (body ->> ?) IS NOT NULL
        GROUP BY 1
    )
    ORDER BY id
"""


def load(records: Records, folder: Path) -> None:
    """Fill `records` from `folder`.

    Args:
        records: an empty store.
        folder: holds `part_items`, `locations` and `stock_by_location`, each as
            `.json` or `.json.gz` with one JSON array of objects; `item_groups` and
            `manufacturers` are taken from the items where there is no file.

    Raises:
        Misuse: a file is missing, or is not an array of JSON objects.
    """
    for name, record_type in _FILES.items():
        found = [
            path
            for path in (folder / f"{name}.json", folder / f"{name}.json.gz")
            if path.is_file()
        ]
        if found:
            _load(records.connection, record_type, found[0])
        elif name in _NEEDED:
            raise Misuse(
                f"{folder} has no {name}.json or {name}.json.gz; needed are "
                f"{', '.join(_NEEDED)}."
            )
        else:
            derive(records, record_type)


def load_rows(records: Records, rows: Mapping[int, Iterable[Row]]) -> None:
    """Fill `records` from records by type, each a mapping or a JSON text.

    Item groups and manufacturers that are not given are taken from the items.
    """
    for record_type, given in rows.items():
        texts = [row if isinstance(row, str) else text_of(dict(row)) for row in given]
        if texts:
            records.connection.execute(_FROM_LIST, [record_type, texts])
    for record_type in _DERIVED:
        if record_type not in rows:
            derive(records, record_type)


def derive(records: Records, record_type: int) -> None:
    """Fill in the item groups (180) or manufacturers (220) that items refer to."""
    path = _DERIVED[record_type]
    records.connection.execute(_DERIVE, [record_type, path, path, path])


def _load(connection: duckdb.DuckDBPyConnection, record_type: int, path: Path) -> None:
    try:
        connection.execute(_FROM_FILE, [record_type, str(path), _LARGEST_RECORD])
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise Misuse(f"{path} is not an array of JSON objects: {first}") from None
