"""The reader of the inventory: files in, rows by key.

A file is a full snapshot: it replaces all that the reader has. It imports nothing of
ours. The reader of the order feed is in `order_consumer`.
"""

import csv
import re
from pathlib import Path

from histories.truth import Key, Part

NAME = re.compile(r"DEMO01_inventory_(\d{8}T\d{6}Z)\.csv")
COLUMNS = (
    *("location_code", "supplier_sku", "part_type", "brand", "qty_on_hand"),
    *("list_price", "sell_price"),
)


def read_parts(file: Path) -> dict[Key, Part]:
    """Return the rows of a file by key, in the columns that the edits change."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [
            {name: row[name] for name in COLUMNS}
            for row in csv.DictReader(lines, strict=True)
        ]
    parts = {(row["location_code"], row["supplier_sku"]): row for row in rows}
    assert len(parts) == len(rows), f"{file.name} repeats a key"
    return parts


class PartsReader:
    """What the marketplace has.

    Attributes:
        rows: of the last file, by key.
        ever: the last row of each key that any file had, those of the last file last.
    """

    def __init__(self) -> None:
        self.rows: dict[Key, Part] = {}
        self.ever: dict[Key, Part] = {}

    def take(self, file: Path) -> None:
        """Replace all rows by those of a file."""
        assert NAME.fullmatch(file.name), file.name
        self.rows = read_parts(file)
        self.ever = {
            key: row for key, row in self.ever.items() if key not in self.rows
        } | self.rows
