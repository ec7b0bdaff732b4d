"""Which columns of an audit people look at first.

An audit of another shape needs no entry here: it shows its first columns and its
decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

# What every audit has, whatever it is about.
DECISION = ("status", "output", "reason_code", "reason_codes")
_MOST = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the preview.

    Attributes:
        label: its heading.
        names: the audit's columns; the first one that has a value is shown.
        figure: whether it is set as a number.
        key: whether it names the row.
        split: whether a split file is about one value of it.
        wide: whether it is prose.
    """

    label: str
    names: tuple[str, ...]
    figure: bool = False
    key: bool = False
    split: bool = False
    wide: bool = False


_KNOWN: tuple[tuple[Column, ...], ...] = (
    (
        Column("Part", ("supplier_sku", "item_name", "item_id"), key=True),
        Column("On hand", ("on_hand_raw", "qty_on_hand"), figure=True),
        Column("Type", ("part_type", "part_type_raw")),
        Column("Location", ("location_name", "location_code")),
        Column("Description", ("description", "description_raw"), wide=True),
    ),
    (
        Column("Order", ("order_id",), key=True),
        Column("Rows", ("rows",), figure=True),
        Column("Term", ("sis_term_id",), split=True),
        Column("Sections", ("sections",), figure=True),
        Column("Items", ("items",), figure=True),
        Column("Requests", ("requests",), figure=True),
        Column("Updated", ("order_updated",), wide=True),
    ),
)


def chosen(names: Sequence[str]) -> tuple[Column, ...]:
    """Choose the columns of a preview by the names of the audit's columns."""
    there = set(names)
    for known in _KNOWN:
        if there.intersection(known[0].names) and there.intersection(known[1].names):
            return tuple(
                replace(each, names=tuple(name for name in each.names if name in there))
                for each in known
                if there.intersection(each.names)
            )
    others = [name for name in names if name not in DECISION][:_MOST]
    return tuple(
        Column(name, (name,), key=place == 0) for place, name in enumerate(others)
    )
