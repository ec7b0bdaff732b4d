"""What is wrong, or odd, in the sample: one situation per slot of 500 items.

With 2,000 items every situation occurs four times. The names are used in the SQL
of `sample_items` and `sample_stock`.
"""

SLOTS = 500
_FIRST, _STEP = 9, 6

# Situation, and the part type that the item must have to show it; "" for any.
SITUATIONS = [
    # Not for this feed.
    ("inactive", ""),
    ("protected", "AM"),
    ("recycled", "Recycled"),
    ("remanufactured", "Reman"),
    ("recored", "Recored"),
    ("rechromed", "Rechromed"),
    ("surcharge", ""),
    ("superseded", ""),
    ("core deposit", ""),
    # Quantities.
    ("quantity null", "AM"),
    ("quantity absent", "OEM"),
    ("quantity negative", "AM"),
    ("quantity negative fraction", "CAPA"),
    ("quantity fraction", "OEM"),
    ("quantity implausible", "AM"),
    ("quantity huge", "OEM"),
    ("quantity with zeros", "CAPA"),
    ("nothing available", "AM"),
    ("available null", "OEM"),
    ("location null", "AM"),
    # Types and certificates.
    ("type blank", ""),
    ("type unknown", "A/M or OEM?"),
    ("type in words", "aftermarket"),
    ("fields null", ""),
    ("od source missing", "OD"),
    ("od list missing", "OD"),
    ("od not discounted", "OD"),
    ("od low stock", "OD"),
    ("certified am", "AM"),
    ("suffix c on am", "AM"),
    ("nsf", "CAPA"),
    ("suffix n", "AM"),
    ("capa unproven", "CAPA"),
    ("capa by suffix", "CAPA"),
    ("withdrawn partslink", "CAPA"),
    ("withdrawn number", "CAPA"),
    # Numbers.
    ("number missing", "OEM"),
    ("number missing am", "AM"),
    ("number too long", "AM"),
    ("number look-alike", "OEM"),
    ("number long dash", "AM"),
    ("number scientific", "OEM"),
    ("number decimal", "OEM"),
    ("number error", "AM"),
    ("number date", "OEM"),
    ("no match number", "AM"),
    ("brand missing", "AM"),
    ("same name a", "AM"),
    ("same name b", "CAPA"),
    ("same part a", "AM"),
    ("same part b", "AM"),
    ("name with blanks", "AM"),
    ("gtin wrong", "AM"),
    ("gtin text", "OEM"),
    ("partslink damaged", "AM"),
    # Prices.
    ("price null", "AM"),
    ("price zero", "OEM"),
    ("price negative", "AM"),
    ("price implausible", "OEM"),
    ("price above list", "AM"),
    ("price below cost", "CAPA"),
    ("price jumps", "AM"),
    ("price with four decimals", "OEM"),
    ("list price as text", "AM"),
    ("core charge wrong", "AM"),
    # Texts and vehicles.
    ("text formula", "AM"),
    ("text at sign", "OEM"),
    ("text lines", "AM"),
    ("text quotes", "CAPA"),
    ("text markup", "AM"),
    ("text long", "OEM"),
    ("text accents", "CAPA"),
    ("vehicle half known", "AM"),
    ("years turned round", "AM"),
    ("no vehicle", "CAPA"),
]


def slots() -> list[tuple[int, str, str]]:
    """Return (slot, situation, part type), spread over the 500 slots.

    The two of a pair ("a" and "b") lie in neighbouring slots, so that the second
    can be made from the first.
    """
    found: list[tuple[int, str, str]] = []
    for place, (name, part_type) in enumerate(SITUATIONS):
        follows = name.endswith(" b")
        slot = found[-1][0] + 1 if follows else _FIRST + _STEP * place
        found.append((slot, name, part_type))
    return found
