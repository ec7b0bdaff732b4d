"""What is copied: one row per list of a source, with the fields we know.

A field that is not named here is kept all the same, in `_unrecognised`, and is
reported as drift. A field marked `required` that no record carries is an error;
so is a value of another kind than the one named here.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of value that a source sends, and the Parquet type each becomes."""

    INTEGER = "integer"  # BIGINT
    NUMBER = "number"  # VARCHAR: the digits as they were sent, or JSON if it is none
    TEXT = "text"  # VARCHAR
    BOOLEAN = "boolean"  # BOOLEAN
    REF = "ref"  # STRUCT(Id BIGINT, Name VARCHAR)
    STAMPS = "stamps"  # STRUCT(CreatedDate VARCHAR, ModifiedDate VARCHAR)
    JSON = "json"  # JSON


@dataclass(frozen=True, slots=True)
class Field:
    """One known field of a record."""

    name: str
    kind: Kind
    required: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """One list of a source.

    Attributes:
        source: the source's name; a folder under `landing/current`.
        name: the entity's name; the Parquet file's name.
        label: what a person calls its records.
        address: where the source keeps it: a record type (Order Time) or a path.
        key: SQL over the landed columns that no two records share.
        key_may_repeat: whether records may share it all the same; the rules decide.
        fields: the fields we know, in Parquet order.
        record_path: the address of one record by id, where the source has one.
        has_ids: whether records carry a rising `Id`, so that the list can be asked
            for in that order and swept by it.
        custom_fields: the field with the tenant's own fields, if there is one.
        declared_in: the file that names its fields.
    """

    source: str
    name: str
    label: str
    address: int | str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    record_path: str | None = None
    has_ids: bool = True
    key_may_repeat: bool = False
    custom_fields: str | None = None
    declared_in: str = "extract/entities.py"

    @property
    def full_name(self) -> str:
        """`source.entity`, as the command line takes it."""
        return f"{self.source}.{self.name}"


def _fields(required: str = "", **kinds: str) -> tuple[Field, ...]:
    """Fields from one string of names per kind, in the order given."""
    needed = set(required.split())
    return tuple(
        Field(name, Kind(kind), name in needed)
        for kind, names in kinds.items()
        for name in names.split()
    )


# Order Time: properties as https://help.ordertime.com/help/parts lists them;
# record types from its page of enumerations.
ORDERTIME = (
    Entity(
        source="ordertime",
        name="locations",
        label="locations",
        address=150,
        key=("Id",),
        record_path="location",
        fields=_fields(
            integer="Id",
            text="Name Addr1 Addr2 Addr3 City State Zip Country Note",
            boolean="IsAvailable IsActive",
            json="CustomFields",
            required="Id Name IsAvailable",
        ),
    ),
    Entity(
        source="ordertime",
        name="item_groups",
        label="item groups",
        address=180,
        key=("Id",),
        fields=_fields(
            integer="Id", text="Name", boolean="IsActive", required="Id Name"
        ),
    ),
    Entity(
        source="ordertime",
        name="manufacturers",
        label="manufacturers",
        address=220,
        key=("Id",),
        fields=_fields(
            integer="Id", text="Name", boolean="IsActive", required="Id Name"
        ),
    ),
    Entity(
        source="ordertime",
        name="part_items",
        label="part items",
        address=101,
        key=("Id",),
        record_path="partitem",
        custom_fields="CustomFields",
        fields=_fields(
            integer="Id Type",
            text="Name FullName Parent ManufacturerPartNo UPC Description "
            "PurchaseDesc Note",
            boolean="IsActive TrackLotOrSerial",
            ref="ItemGroupRef ManufacturerRef UomRef UomSetRef PrefVendorRef BinRef "
            "ClassRef AssetAccountRef COGSAccountRef IncomeAccountRef ProxyRef "
            "SalesTaxCodeRef WarrantyTypeRef",
            number="Price StdCost Weight Volume MaxQty ReorderAmount ReorderPoint",
            stamps="RecordInfo",
            json="CustomFields",
            required="Id Name ManufacturerPartNo Description IsActive ItemGroupRef "
            "Price CustomFields",
        ),
    ),
    # Last, so that quantities are as fresh as they can be. Rows carry no Id that is
    # documented, so the list is read twice and its keys compared.
    Entity(
        source="ordertime",
        name="stock_by_location",
        label="stock rows",
        address=1112,
        key=("ItemRef.Id", "LocationRef.Id"),
        has_ids=False,
        key_may_repeat=True,
        fields=_fields(
            integer="Id",
            ref="ItemRef LocationRef",
            number="OnHand Available ReorderPoint",
            required="ItemRef LocationRef OnHand Available",
        ),
    ),
)

# The order tool: fields as docs/order-tool-api.md lists them.
ORDER_TOOL = (
    Entity(
        source="order_tool",
        name="terms",
        label="terms",
        address="terms",
        key=("sis_term_id",),
        has_ids=False,
        fields=_fields(
            text="sis_term_id name ordering_opens_at ordering_closes_at",
            boolean="is_archived",
            required="sis_term_id ordering_opens_at ordering_closes_at is_archived",
        ),
    ),
    Entity(
        source="order_tool",
        name="orders",
        label="orders",
        address="orders",
        key=("order_id",),
        has_ids=False,
        fields=_fields(
            integer="order_id",
            text="sis_term_id created_at updated_at canceled_at",
            boolean="is_royalty",
            json="sections catalog_items content_requests",
            required="order_id sis_term_id created_at updated_at canceled_at "
            "is_royalty sections catalog_items content_requests",
        ),
    ),
)

SOURCES: dict[str, tuple[Entity, ...]] = {
    "ordertime": ORDERTIME,
    "order_tool": ORDER_TOOL,
}
