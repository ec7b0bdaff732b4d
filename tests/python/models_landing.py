"""A small landing, in the columns and types in which `extract` leaves one."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

RUN = "20260115T060000Z-test"
READ_AT = "2026-01-15 06:00:00.123456"
REFERENCE = "struct(Id bigint, Name varchar)"
STAMP = {
    "_unrecognised": "json",
    "_extract_run_id": "varchar",
    "_extracted_at": "timestamp",
}
TEXTS = ["Name", "FullName", "Parent", "ManufacturerPartNo", "UPC", "Description"]
CUSTOM = [
    *("part_type", "certification", "oem_number", "partslink", "list_price"),
    *("od_source", "core_charge", "alternate_numbers", "vehicle_make"),
    *("vehicle_model", "year_from", "year_to"),
]
TABLES: dict[str, dict[str, str]] = {
    "part_items": {
        "Id": "bigint",
        **dict.fromkeys([*TEXTS, "PurchaseDesc", "Note"], "varchar"),
        "Type": "bigint",
        "IsActive": "boolean",
        "TrackLotOrSerial": "boolean",
        **dict.fromkeys(["ItemGroupRef", "ManufacturerRef", "UomRef"], REFERENCE),
        **dict.fromkeys(["Price", "StdCost", "Weight"], "varchar"),
        "RecordInfo": "struct(CreatedDate varchar, ModifiedDate varchar)",
        "CustomFields": "json",
        **{f"cf_{name}": "varchar" for name in CUSTOM},
    },
    "stock_by_location": {
        "Id": "bigint",
        "ItemRef": REFERENCE,
        "LocationRef": REFERENCE,
        **dict.fromkeys(["OnHand", "Available", "ReorderPoint"], "varchar"),
    },
    "locations": {
        **{"Id": "bigint", "Name": "varchar"},
        **{"IsAvailable": "boolean", "IsActive": "boolean"},
    },
    "item_groups": {"Id": "bigint", "Name": "varchar"},
    "manufacturers": {"Id": "bigint", "Name": "varchar"},
}
LOCATIONS = [
    {"Id": 1, "Name": "HQ", "IsAvailable": True, "IsActive": True},
    {"Id": 2, "Name": "Warehouse East", "IsAvailable": True, "IsActive": True},
    {"Id": 3, "Name": "Returns", "IsAvailable": False, "IsActive": True},
]


def item(identity: int, name: str, part_type: str | None, **fields: object) -> dict:
    """A part item that is fit to offer, but for the fields given."""
    return {
        "Id": identity,
        "Name": name,
        "ManufacturerPartNo": f"EX-{identity}0",
        "Description": "Front bumper cover",
        "Type": 101,
        "IsActive": True,
        "ItemGroupRef": {"Id": 1, "Name": "Bumper Covers"},
        "ManufacturerRef": {"Id": 7, "Name": "Example Stamping"},
        "Price": "231.00",
        "StdCost": "110.5",
        "cf_part_type": part_type,
        "cf_oem_number": f"00000-{identity}E100",
        "cf_list_price": "412.55",
        **fields,
    }


def stock(identity: int, on_hand: str, location: int = 1, **fields: object) -> dict:
    """A stock row, all of it available."""
    return {
        "ItemRef": {"Id": identity, "Name": f"item {identity}"},
        "LocationRef": {"Id": location, "Name": LOCATIONS[location - 1]["Name"]},
        "OnHand": on_hand,
        "Available": on_hand,
        **fields,
    }


def preview() -> tuple[list[dict], list[dict]]:
    """The four parts of the case study."""
    items = [
        item(1, "100-4412", "CAPA", cf_certification="CAPA"),
        item(2, "225-0198", "OEM"),
        item(3, "300-7710", "AM"),
        item(4, "410-2250", "OD", cf_od_source="dealer surplus"),
    ]
    return items, [stock(1, "12"), stock(2, "0"), stock(3, "8"), stock(4, "3")]


def write(rows: Iterable[Mapping], columns: Mapping[str, str], file: Path) -> None:
    """Rows, with null for what they lack, as one Parquet file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        spelled = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"create table landed ({spelled})")
        marks = ", ".join("?" for _ in columns)
        for row in rows:
            values = [row.get(name) for name in columns]
            connection.execute(f"insert into landed values ({marks})", values)
        connection.execute("copy landed to $file (format parquet)", {"file": str(file)})


def land(
    data: Path, items: list[dict], stocked: list[dict], run: Mapping[str, str] = {}
) -> None:
    """Land items and stock below `data`; `run` names another run for a table."""
    tables = {"part_items": items, "stock_by_location": stocked}
    tables |= {"locations": LOCATIONS, "item_groups": [], "manufacturers": []}
    for table, rows in tables.items():
        stamp = {"_extract_run_id": run.get(table, RUN), "_extracted_at": READ_AT}
        file = data / "landing" / RUN / "ordertime" / f"{table}.parquet"
        write([{**row, **stamp} for row in rows], TABLES[table] | STAMP, file)
    current = data / "landing/current"
    current.mkdir(parents=True, exist_ok=True)
    (current / "ordertime").symlink_to(f"../{RUN}/ordertime")
