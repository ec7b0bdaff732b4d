"""What can be asked about: parts and orders, and where each is told of.

This is the one place that knows their tables; the rest of `why` is about neither.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One way people name a thing.

    Attributes:
        name: what it is called.
        condition: SQL over the audit, in which stand $key (as typed),
            $bare (its letters and digits, in capitals), $loose (a pattern for it in
            any case, with any separators or none) and $among (for it in a list).
    """

    name: str
    condition: str


@dataclass(frozen=True, slots=True)
class Landed:
    """A list of a source that holds the record.

    Attributes:
        entity: its name.
        column: the id of the item or order in it.
        again: what takes long to read, and says what other columns say too.
    """

    entity: str
    column: str
    again: str = ""


@dataclass(frozen=True, slots=True)
class Repeat:
    """What rows have in common that repeat each other: see int_..._repeated.

    Attributes:
        code: the reason code that all of them bear.
        columns: the columns of the audit that are alike.
        any_case: those of them that are so in capitals.
        bare: those of them whose letters and digits are so, in capitals.
    """

    code: str
    columns: tuple[str, ...]
    any_case: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of thing that is decided upon.

    Attributes:
        name: "part" or "order".
        source: where it comes from.
        audit: the table with every row and its decision.
        id: the column that names it in that table; a whole number.
        place: further columns that name a row of it.
        label: the column that people know it by.
        keys: how people name it, the surest first.
        likely: what a wrong key is compared with: columns of the audit.
        landed: the records it came from.
        details: a table with the parts of it, and the columns of faults in it.
        reasons: the seed of its reason codes.
        rules: the models that state its rules, in order.
        facts: the model whose columns the rules ask; None if they speak for
            themselves.
        at: the columns by which its audit and its files are sorted.
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
    rules: tuple[str, ...]
    facts: str | None
    at: tuple[str, ...]
    shown: tuple[str, ...]
    repeats: tuple[Repeat, ...] = ()


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
        # As the source has it, where that is not what was published.
        Key(
            "OEM number",
            "(oem_part_number_key is null or cieca_part_type <> 'PAA')"
            " and regexp_full_match(oem_number_raw, $loose)",
        ),
        Key(
            "alternate number",
            "regexp_matches(alternate_numbers_raw, $among)",
        ),
        # With or without the suffix that speaks of a certificate.
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
        Landed("part_items", "Id", again="CustomFields"),
        Landed("stock_by_location", "ItemRef.Id"),
    ),
    details=None,
    reasons="reason_codes",
    rules=(
        "int_parts_11_place_codes",
        "int_parts_08_item_codes",
        "int_parts_13_all_codes",
    ),
    facts="int_parts_07_checked",
    at=("location_code", "supplier_sku"),
    shown=("location_name", "supplier_sku"),
    repeats=(
        Repeat("DUP_KEY", ("location_code", "supplier_sku")),
        Repeat(
            "DUP_PART",
            (
                "location_code",
                "part_type",
                "brand",
                "oem_part_number",
                "partslink_number",
            ),
            any_case=frozenset({"brand"}),
            bare=frozenset({"oem_part_number"}),
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
        ),
    ),
    likely=("order_id",),
    landed=(Landed("orders", "order_id"),),
    details="int_orders_05_items",
    reasons="order_reason_codes",
    rules=("int_orders_08_decided",),
    facts=None,
    at=("order_id",),
    shown=("sis_term_id",),
)

SUBJECTS = (PART, ORDER)
