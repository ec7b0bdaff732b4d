"""Fill the stand-in Order Time: from a sample, a folder of JSON files, or a mapping."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from sandbox.records import (
    ITEM_GROUP,
    LOCATION,
    MANUFACTURER,
    PART,
    STOCK_BY_LOCATION,
    Records,
    Row,
)
from sandbox.sample import Sample

Source = Sample | Path | Mapping[int, Iterable[Row]]

_FILES = {
    "part_items": PART,
    "locations": LOCATION,
    "stock_by_location": STOCK_BY_LOCATION,
    "item_groups": ITEM_GROUP,
    "manufacturers": MANUFACTURER,
}
_NEEDED = ("part_items", "locations", "stock_by_location")
_REFERENCES = {ITEM_GROUP: "$.ItemGroupRef", MANUFACTURER: "$.ManufacturerRef"}
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
        WHERE type IN (101, 107) AND (body ->> ?) IS NOT NULL
        GROUP BY 1
    )
    ORDER BY id
"""


def fill(records: Records, source: Source) -> None:
    """Fill an empty store.

    Args:
        records: the store.
        source: a sample; records by type; or a folder with `part_items`, `locations`
            and `stock_by_location`, each as `.json` or `.json.gz` with one JSON array
            of objects. Item groups and manufacturers that are not given are made from
            the items that refer to them.

    Raises:
        Misuse: a file is missing, or is not an array of JSON objects.
    """
    if isinstance(source, Sample):
        source.fill(records)
        return
    if isinstance(source, Path):
        loaded = records.load_folder(source, _FILES, _NEEDED)
    else:
        for record_type, rows in source.items():
            records.load(record_type, rows)
        loaded = set(source)
    for record_type, path in _REFERENCES.items():
        if record_type not in loaded:
            records.connection.execute(_DERIVE, [record_type, path, path, path])
