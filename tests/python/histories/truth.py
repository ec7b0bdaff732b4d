"""What must be in a file, by a short statement of the rules that the edits touch.

It imports nothing of ours. The rules of orders are in `order_expected`.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from order_consumer import Row

Key = tuple[str, str]  # location code, SKU
Part = dict[str, str]
Values = Mapping[str, Any]

PLACES = {"HQ": "MAIN", "Warehouse East": "EAST"}
JUMP = Decimal("0.40")
FILTERED = {"ITEM_INACTIVE", "ON_HAND_ZERO"}
_CENTS = Decimal("0.01")


def number(value: Any) -> Decimal | None:
    """Return a number of the source exactly; None if it is none."""
    try:
        return None if value is None or value == "ask" else Decimal(str(value))
    except InvalidOperation:
        return None


def cents(amount: Decimal) -> Decimal:
    """Round half up to two decimals."""
    return amount.quantize(_CENTS, ROUND_HALF_UP)


def shown(item: Values) -> Part:
    """Return what can be confirmed of an item; no value where the source has none."""
    price, part_type = number(item["Price"]), item["part_type"]
    return {
        **({"part_type": part_type} if part_type != "Puzzle" else {}),
        **({"sell_price": str(cents(price))} if price is not None else {}),
    }


def last_of(ever: Mapping[Key, Part], key: Key) -> Part | None:
    """Return what the partner last had of a key, or else of its SKU anywhere."""
    others = (row for (_, sku), row in reversed(ever.items()) if sku == key[1])
    return ever[key] if key in ever else next(others, None)


def part_code(
    item: Values, stock: Values | None, last: Part | None, confirmed: Part
) -> str:
    """Return the reason code of an item at a place; "" if it is offered.

    Args:
        item: as `source` keeps it.
        stock: OnHand and Available; None if the item has no stock row.
        last: the last row of this key that the partner ever had, or else of its SKU.
        confirmed: the values of this key that a person confirmed, by column.
    """
    now = shown(item)
    on_hand = number(stock["OnHand"]) if stock else Decimal(0)
    available = number(stock["Available"]) if stock else None
    price, least = number(item["Price"]), Decimal("0.005")
    listed = number(item["list_price"])
    genuine_discount = item["part_type"] == "OD"
    before = number(last["sell_price"]) if last else None
    rules = {
        "ITEM_INACTIVE": lambda: not item["IsActive"],
        "QTY_MISSING": lambda: on_hand is None,
        "QTY_NEGATIVE": lambda: on_hand < 0,
        "QTY_FRACTION": lambda: on_hand % 1 != 0,
        "QTY_IMPLAUSIBLE": lambda: on_hand > 9999,
        "ON_HAND_ZERO": lambda: on_hand == 0,
        "QTY_NOT_AVAILABLE": lambda: (available or 0) < 1,
        "TYPE_UNKNOWN": lambda: item["part_type"] == "Puzzle",
        "OD_NOT_DISCOUNTED": lambda: (
            genuine_discount and price is not None and cents(price) >= listed
        ),
        "OD_LOW_STOCK": lambda: genuine_discount and on_hand < 5,
        "TYPE_CHANGED": lambda: (
            last
            and now["part_type"] not in (last["part_type"], confirmed.get("part_type"))
        ),
        "PRICE_MISSING": lambda: price is None,
        "PRICE_ZERO": lambda: 0 <= price < least,
        "PRICE_NEGATIVE": lambda: price < 0,
        "PRICE_IMPLAUSIBLE": lambda: price > Decimal("999999.99"),
        "PRICE_JUMP": lambda: (
            before
            and abs(cents(price) - before) > before * JUMP
            and now["sell_price"] != confirmed.get("sell_price")
        ),
    }
    return next((code for code, applies in rules.items() if applies()), "")


class Parts:
    """The right rows of the inventory, and the reason of every row that is not sent.

    Attributes:
        rows: the rows of the file, by key.
        codes: the reason of every other row, by location code ("" for none) and SKU.
        shown: what could be confirmed of every row.
        confirmed: what was confirmed.
    """

    def __init__(
        self,
        items: Mapping[int, Values],
        stock: Mapping[tuple[int, str], Values],
        ever: Mapping[Key, Part],
        confirmed: Mapping[Key, Part],
    ) -> None:
        """Decide every item at every place.

        Args:
            items, stock: as `source` keeps them.
            ever: the last row of each key that the partner ever had, the newest last.
            confirmed: the values of each key that a person confirmed, by column.
        """
        self.rows: dict[Key, Part] = {}
        self.codes: dict[Key, str] = {}
        self.shown: dict[Key, Part] = {}
        self.confirmed = {key: {**values} for key, values in confirmed.items()}
        for (identity, place), quantities in stock.items():
            item, key = items[identity], (PLACES[place], items[identity]["Name"])
            self.shown[key] = shown(item)
            last = last_of(ever, key)
            code = part_code(item, quantities, last, confirmed.get(key, {}))
            if code:
                self.codes[key] = code
            else:
                self.rows[key] = _part(key, item, quantities)
        for identity in items.keys() - {item for item, _ in stock}:
            self.codes["", items[identity]["Name"]] = part_code(
                items[identity], None, None, {}
            )

    def holds(self, before: Mapping[Key, Part]) -> set[str]:
        """Return the checks that must hold the file.

        Args:
            before: the rows of the last file.
        """
        now = self.rows
        waiting = len([code for code in self.codes.values() if code not in FILTERED])
        units = [_units(rows) for rows in (before, now)]
        types = [{row["part_type"] for row in rows.values()} for rows in (before, now)]
        return _true(
            RUN_EMPTY=not now,
            RUN_MIN_ROWS=not now,
            RUN_ROW_DROP=exceeds(len(before) - len(now), len(before), 0.30),
            RUN_FLIP=exceeds(len(before.keys() - now.keys()), len(before), 0.25),
            RUN_STOCK_DROP=exceeds(units[0] - units[1], units[0], 0.50),
            RUN_TYPE_VANISHED=bool(types[0] - types[1]),
            RUN_REVIEW_RATE=exceeds(waiting, len(now) + len(self.codes), 0.20, 2),
        )


def moved(
    ever: Mapping[Key, Part],
    rows: Mapping[Key, Part],
    confirmed: Mapping[Key, Part],
) -> list[tuple[Key, str]]:
    """Return the values that moved too far and that no person confirmed.

    Args:
        ever: the last row of each key that the partner ever had, the newest last.
        rows: those of the next file.
        confirmed: the values of each key that a person confirmed, by column.
    """
    far = []
    for key, now in rows.items():
        before = last_of(ever, key)
        if before is None:
            continue
        price, last = Decimal(now["sell_price"]), Decimal(before["sell_price"])
        jumped = {
            "part_type": now["part_type"] != before["part_type"],
            "sell_price": abs(price - last) > last * JUMP,
        }
        far += [
            (key, column)
            for column, too_far in jumped.items()
            if too_far and confirmed.get(key, {}).get(column) != now[column]
        ]
    return far


def _part(key: Key, item: Values, quantities: Values) -> Part:
    return {
        "location_code": key[0],
        "supplier_sku": key[1],
        "part_type": item["part_type"],
        "brand": item["ManufacturerRef"]["Name"],
        "qty_on_hand": str(quantities["OnHand"]),
        "list_price": f"{item['list_price']}.00" if item["list_price"] else "",
        "sell_price": str(cents(Decimal(str(item["Price"])))),
    }


def _units(rows: Mapping[Key, Part]) -> int:
    return sum(int(row["qty_on_hand"]) for row in rows.values())


def exceeds(count: int, every: int, share: float, least: int = 0) -> bool:
    """Return whether a count is too large a share, and reaches its floor."""
    return bool(every) and count / every > share and count >= least


def cells_lost(before: Sequence[Row], now: Sequence[Row], least: int) -> bool:
    """Return whether a column is filled in a share of rows that fell by a fifth."""
    if not before or not now:
        return False
    for column in before[0]:
        old, new = _filled(before, column), _filled(now, column)
        fall = old / len(before) - new / len(now)
        if fall > 0.20 and old - new >= least:
            return True
    return False


def _filled(rows: Iterable[Row], column: str) -> int:
    # No price is none.
    return len([row for row in rows if row[column] not in (None, "0.00")])


def _true(**checks: bool) -> set[str]:
    return {name for name, failed in checks.items() if failed}


def order_holds(
    now: Sequence[Row],
    before: Sequence[Row],
    vanished: object,
    waiting: int,
    every: int,
    full: bool,
    last_rows: int | None,
) -> set[str]:
    """Return the checks that must hold a file of the order feed.

    Args:
        now: the rows of the term.
        before: the rows of the term that the reader has.
        vanished: whether orders of `before` are in no file, or too many vanished.
        waiting: orders of the term in review.
        every: all orders of the term.
        full: whether it is a full file.
        last_rows: rows of the last full file; None if there was none.
    """
    rows_before = len(before) if last_rows is None else last_rows
    lost = rows_before - len(now)
    return _true(
        RUN_KEY_VANISHED=bool(vanished),
        RUN_REVIEW_RATE=exceeds(waiting, every, 0.20, 2),
        RUN_CELLS_LOST=cells_lost(before, now, 20),
        RUN_EMPTY=full and not now,
        RUN_MIN_ROWS=full and not now,
        RUN_ROW_DROP=full and exceeds(lost, rows_before, 0.30, 10),
    )
