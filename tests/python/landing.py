"""Small landings of both sources, in the columns and types that `extract` writes."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from store import partner_state
from store.ledger import Ledger

RUN = "20260115T060000Z-test"
READ_AT = "2026-01-15 06:00:00.123456"
REFERENCE = "struct(Id bigint, Name varchar)"
STAMP = {
    "_unrecognised": "varchar",
    "_extract_run_id": "varchar",
    "_extracted_at": "timestamp",
}
TEXTS = ["Name", "FullName", "Parent", "ManufacturerPartNo", "UPC", "Description"]
CUSTOM = [
    *("part_type", "certification", "oem_number", "partslink", "list_price"),
    *("od_source", "core_charge", "alternate_numbers", "vehicle_make"),
    *("vehicle_model", "year_from", "year_to"),
]
PART_TABLES: dict[str, dict[str, str]] = {
    "part_items": {
        "Id": "bigint",
        **dict.fromkeys([*TEXTS, "PurchaseDesc", "Note"], "varchar"),
        "Type": "bigint",
        "IsActive": "boolean",
        "TrackLotOrSerial": "boolean",
        **dict.fromkeys(
            ["ItemGroupRef", "ManufacturerRef", "UomRef", "UomSetRef"], REFERENCE
        ),
        **dict.fromkeys(["Price", "StdCost", "Weight"], "varchar"),
        "RecordInfo": "struct(CreatedDate varchar, ModifiedDate varchar)",
        "CustomFields": "varchar",
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


def messy() -> tuple[list[dict], list[dict]]:
    """Items and stock that reach every kind of decision, at two locations."""
    items, stocked = preview()
    items += [
        item(5, "500-1", "AM", cf_oem_number=None, cf_partslink="TO1000999N"),
        item(6, "600-1", "AM", cf_oem_number="00000-9E100", Price="0"),
        item(7, "600-1", "AM", IsActive=False),
        item(8, "800-1", "AM", Price=None, Description="a  b\r\n\tc"),
        item(9, "900-1", "Recycled"),
        item(10, "910-1", "OEM", ManufacturerPartNo="1.23E+11"),
        item(11, "911-1", "OEM", UPC="036000291452", Weight="11.395"),
        item(12, "912-1", "AM"),
    ]
    stocked += [stock(n, "7") for n in (5, 6, 7, 8, 9, 10, 11)]
    stocked += [stock(11, "4", 2), stock(11, "4", 3), stock(99, "1"), stock(1, "-1", 2)]
    stocked += [stock(3, "2.5", 2), {**stock(8, "5", 2), "LocationRef": None}]
    return items, stocked


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


def land_parts(
    data: Path, items: list[dict], stocked: list[dict], run: Mapping[str, str] = {}
) -> None:
    """Land items and stock below `data`; `run` names another run for a table."""
    tables = {"part_items": items, "stock_by_location": stocked}
    tables |= {"locations": LOCATIONS, "item_groups": [], "manufacturers": []}
    for table, rows in tables.items():
        stamp = {"_extract_run_id": run.get(table, RUN), "_extracted_at": READ_AT}
        file = data / "landing" / RUN / "ordertime" / f"{table}.parquet"
        write([{**row, **stamp} for row in rows], PART_TABLES[table] | STAMP, file)
    current = data / "landing/current"
    current.mkdir(parents=True, exist_ok=True)
    (current / "ordertime").symlink_to(f"../{RUN}/ordertime")


ORDER_TABLES: dict[str, dict[str, str]] = {
    "terms": {
        **dict.fromkeys(["sis_term_id", "name"], "varchar"),
        **dict.fromkeys(["ordering_opens_at", "ordering_closes_at"], "varchar"),
        "is_archived": "boolean",
    },
    "orders": {
        "order_id": "bigint",
        "sis_term_id": "varchar",
        **dict.fromkeys(["created_at", "updated_at", "canceled_at"], "varchar"),
        "is_royalty": "boolean",
        **dict.fromkeys(["sections", "catalog_items", "content_requests"], "varchar"),
    },
}
LISTS = ("sections", "catalog_items", "content_requests")


def term(identity: str, **fields: object) -> dict:
    """A term that is open for ordering, but for the fields given."""
    return {
        "sis_term_id": identity,
        "name": f"Term {identity}",
        "ordering_opens_at": "2026-05-01T05:00:00Z",
        "ordering_closes_at": "2026-12-05T06:00:00Z",
        "is_archived": False,
        **fields,
    }


def catalog_item(identity: str, **fields: object) -> dict:
    """A catalog item that can be shown, but for the fields given."""
    return {
        "content_id": identity,
        "sis_content_id": None,
        "author": ["Roe, A.", "Poe, B."],
        "title": f'The "Big" Book {identity}',
        "searchable_isbn": "0012345678905",
        "publication_date": "2003-01-31",
        "delivery_solution": "Unizin Engage",
        "sis_publisher_id": None,
        "publisher_name": "Example Press",
        "edition": "2e",
        "offer_price": 90.5,
        "offer_price_original": None,
        "print_list_price": 150,
        "print_list_price_original": None,
        "student_price": 99.55,
        "student_price_original": None,
        **fields,
    }


def request(title: str, **fields: object) -> dict:
    """A content request that can be shown, but for the fields given."""
    return {
        "created_at": "2026-09-01T18:51:07+02:00",
        "title": title,
        "isbn": None,
        "status": "Cancelled",
        **fields,
    }


def order(
    identity: int,
    items: tuple[dict, ...] = (catalog_item("C1"),),
    requests: tuple[dict, ...] = (),
    sections: tuple[str, ...] = ("S1", "S2"),
    **fields: object,
) -> dict:
    """An order that can be shown, but for the fields given."""
    return {
        "order_id": identity,
        "sis_term_id": "4268-FA26",
        "created_at": "2026-09-01T18:51:59.999Z",
        "updated_at": "2026-09-02T00:00:00Z",
        "canceled_at": None,
        "is_royalty": False,
        "sections": [{"sis_section_id": each} for each in sections],
        "catalog_items": list(items),
        "content_requests": list(requests),
        **fields,
    }


def land_orders(
    data: Path,
    orders: list[dict],
    terms: list[dict],
    run: Mapping[str, str] = {},
    read_at: str = READ_AT,
) -> None:
    """Land orders and terms below `data`; `run` names another run for a table."""
    for table, rows in {"terms": terms, "orders": orders}.items():
        stamp = {"_extract_run_id": run.get(table, RUN), "_extracted_at": read_at}
        landed = [
            {
                name: json.dumps(value) if name in LISTS else value
                for name, value in {**row, **stamp}.items()
            }
            for row in rows
        ]
        file = data / "landing" / RUN / "order_tool" / f"{table}.parquet"
        write(landed, ORDER_TABLES[table] | STAMP, file)
    link = data / "landing/current/order_tool"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(f"../{RUN}/order_tool")


def write_extract(
    data: Path,
    source: str,
    entities: Mapping[str, dict],
    run: str = RUN,
    finished: str = "2026-01-15T06:10:00Z",
) -> None:
    """Write the record of a complete extract beside what it landed."""
    record = {
        "run_id": run,
        "source": source,
        "status": "complete",
        "finished_at": finished,
        "entities": {
            name: {"sha256": "ab" * 32, "proof": "count", **fields}
            for name, fields in entities.items()
        },
    }
    file = data / "landing" / RUN / source / "extract.json"
    file.write_text(json.dumps(record))


def deliver(data: Path, model: str = "order_feed_v2") -> None:
    """Hold at the partner what the warehouse holds of a layout: a file a term."""
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as opened:
        terms = opened.execute(f"select distinct sis_term_id from {model}").fetchall()
        for (name,) in terms:
            rows = f"from {model} where sis_term_id = '{name}'"
            hold(opened, rows, data, model, "orders", name)


def hold(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    data: Path,
    model: str,
    destination: str,
    split: str | None = None,
) -> None:
    """Record in the ledger that the partner has the rows of a query."""
    query = f"select * from ({query}) order by all"
    digest = partner_state.write(connection, query, data / "delivered", model)
    state = {"model": model, "sha256": digest}
    fields = {"feed": "orders", "destination": destination, "split": split}
    Ledger(data / "ledger.jsonl").append("nothing", **fields, state=state)
