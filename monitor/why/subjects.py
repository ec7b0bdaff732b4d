"""What can be asked about: parts and orders, with their tables and columns.

No other module of `why` names a table or a column of theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

DECISION = ("status", "output", "reason_code", "reason_codes", "warnings")


@dataclass(frozen=True, slots=True)
class Key:
    """One kind of name that people use for a part or an order.

    Attributes:
        name: what the kind is called.
        condition: SQL over the audit. It may contain $key (as typed), $bare (its
            letters and digits, in capitals), $loose (a pattern that matches it in
            any case, with any separators or none) and $among (a pattern that
            matches it as an entry of a list).
        tables: further tables that the condition reads.
    """

    name: str
    condition: str
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Landed:
    """A landed list of a source.

    Attributes:
        entity: the name of the list.
        column: the column with the id of the item or order.
        omit: a column that is slow to read and repeats other columns.
    """

    entity: str
    column: str
    omit: str = ""


@dataclass(frozen=True, slots=True)
class Repeat:
    """What rows that repeat each other have in common.

    Attributes:
        code: the reason code that all of them have.
        columns: the columns of the audit with equal values, and for each the SQL that
            is compared, with {} in place of the value.
    """

    code: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of thing that the rules decide on.

    Attributes:
        name: "part" or "order".
        source: the source that it comes from.
        audit: the table with every row and its decision.
        id: the audit's column with the id of the item or order, a whole number.
        place: further columns that, with the id, identify a row of the audit.
        label: the column with the name that people use.
        keys: the kinds of names, the most certain first.
        likely: columns of the audit that a wrong key is compared with.
        landed: the landed lists with its records.
        details: a table with the parts of it and columns for their faults, if any.
        reasons: the seed of its reason codes.
        file_key: the columns that identify it in a delivered file; the last one has
            the most values.
        shown: columns that tell a person where it is.
        repeats: what rows that repeat each other have in common.
    """

    name: str
    source: str
    audit: str
    id: str
    place: tuple[str, ...]
    label: str
    keys: tuple[Key, ...]
    likely: tuple[str, ...]
    landed: tuple[Landed, ...]
    details: str | None
    reasons: str
    file_key: tuple[str, ...]
    shown: tuple[str, ...]
    repeats: tuple[Repeat, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of an audit that are read of every row, whatever the key."""
        names = (self.id, *self.place, self.label, *self.file_key, *self.shown)
        return (*dict.fromkeys(names), *DECISION, "extract_run_id")


PART = Subject(
    name="part",
    source="ordertime",
    audit="inventory_audit",
    id="item_id",
    place=("location_id", "stock_row_id"),
    label="item_name",
    keys=(
        Key("SKU", "regexp_full_match(item_name, $loose)"),
        Key("part number", "regexp_full_match(mfr_part_number, $loose)"),
        Key("OEM number", "oem_part_number_key = $bare"),
        # The source's own text, where it was not published.
        Key(
            "OEM number",
            "(oem_part_number_key is null or cieca_part_type <> 'PAA')"
            " and regexp_full_match(oem_number_raw, $loose)",
        ),
        Key("alternate number", "regexp_matches(alternate_numbers_raw, $among)"),
        # With or without the suffix for a certificate.
        Key(
            "Partslink number",
            "partslink_number = left($bare, 9) and length($bare) <= 11",
        ),
        Key(
            "Partslink number",
            "partslink_number is null and regexp_full_match(partslink_raw, $loose)",
        ),
        Key("UPC or GTIN", "gtin = lpad($bare, 14, '0') and length($bare) >= 12"),
        Key("item id", "item_id = try_cast($key as bigint)"),
    ),
    likely=("item_name", "oem_part_number", "mfr_part_number", "partslink_number"),
    landed=(
        Landed("part_items", "Id", omit="CustomFields"),
        Landed("stock_by_location", "ItemRef.Id"),
    ),
    details=None,
    reasons="reason_codes",
    file_key=("location_code", "supplier_sku"),
    shown=("location_name", "supplier_sku"),
    repeats=(
        Repeat("DUP_KEY", {"location_code": "{}", "supplier_sku": "{}"}),
        Repeat(
            "DUP_PART",
            {
                "location_code": "{}",
                "part_type": "{}",
                "brand": "upper({})",
                "oem_part_number": "regexp_replace(upper({}), '[^A-Z0-9]+', '', 'g')",
                "partslink_number": "{}",
            },
        ),
    ),
)

ORDER = Subject(
    name="order",
    source="order_tool",
    audit="order_audit",
    id="order_id",
    place=(),
    label="order_id",
    keys=(
        Key("order id", "order_id = try_cast($key as bigint)"),
        Key(
            "section id",
            "order_id in (select order_id from int_orders_02_sections where"
            " regexp_full_match(sis_section_id, $loose))",
            ("int_orders_02_sections",),
        ),
    ),
    likely=("order_id",),
    landed=(Landed("orders", "order_id"),),
    details="int_orders_05_items",
    reasons="order_reason_codes",
    file_key=("order_id",),
    shown=("sis_term_id",),
)

SUBJECTS = (PART, ORDER)
