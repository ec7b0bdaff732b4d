"""The values of the sample distributor: vehicles, parts, brands, places, edge cases.

Brands, quantities, prices and numbers are invented. The shapes of numbers are those
of the trade, because shapes are what software fails on.
"""

# Make, model, first and last model year, Partslink's two letters, shape of numbers.
VEHICLES = [
    ("Toyota", "Camry", 2018, 2020, "TO", "toyota"),
    ("Toyota", "Camry", 2021, 2024, "TO", "toyota"),
    ("Toyota", "Corolla", 2014, 2016, "TO", "toyota"),
    ("Toyota", "RAV4", 2019, 2021, "TO", "toyota"),
    ("Toyota", "Tacoma", 2016, 2023, "TO", "toyota"),
    ("Lexus", "RX 350", 2016, 2019, "LX", "toyota"),
    ("Honda", "Accord", 2018, 2020, "HO", "honda"),
    ("Honda", "Civic", 2016, 2018, "HO", "honda"),
    ("Honda", "Civic", 2019, 2021, "HO", "honda"),
    ("Honda", "CR-V", 2017, 2019, "HO", "honda"),
    ("Acura", "TLX", 2015, 2017, "AC", "honda"),
    ("Nissan", "Altima", 2016, 2018, "NI", "nissan"),
    ("Nissan", "Rogue", 2014, 2016, "NI", "nissan"),
    ("Nissan", "Sentra", 2020, 2023, "NI", "nissan"),
    ("Hyundai", "Elantra", 2017, 2018, "HY", "hyundai"),
    ("Hyundai", "Tucson", 2019, 2021, "HY", "hyundai"),
    ("Kia", "Optima", 2016, 2018, "KI", "hyundai"),
    ("Kia", "Sportage", 2017, 2019, "KI", "hyundai"),
    ("Ford", "F-150", 2015, 2017, "FO", "ford"),
    ("Ford", "F-150", 2018, 2020, "FO", "ford"),
    ("Ford", "Escape", 2017, 2019, "FO", "ford"),
    ("Ford", "Fusion", 2013, 2016, "FO", "ford"),
    ("Chevrolet", "Silverado 1500", 2016, 2018, "GM", "gm"),
    ("Chevrolet", "Malibu", 2016, 2018, "GM", "gm"),
    ("Chevrolet", "Equinox", 2018, 2021, "GM", "gm"),
    ("GMC", "Sierra 1500", 2019, 2021, "GM", "gm"),
    ("Jeep", "Grand Cherokee", 2014, 2016, "CH", "mopar"),
    ("Jeep", "Wrangler", 2018, 2023, "CH", "mopar"),
    ("Dodge", "Charger", 2015, 2022, "CH", "mopar"),
    ("Ram", "1500", 2013, 2018, "CH", "mopar"),
    ("Volkswagen", "Jetta", 2015, 2018, "VW", "volkswagen"),
    ("Volkswagen", "Passat", 2016, 2019, "VW", "volkswagen"),
    ("Audi", "A4", 2017, 2019, "AU", "volkswagen"),
    ("BMW", "328i", 2012, 2015, "BM", "bmw"),
    ("BMW", "X3", 2018, 2021, "BM", "bmw"),
    ("Mercedes-Benz", "C300", 2015, 2018, "MB", "mercedes"),
    ("Mercedes-Benz", "GLC300", 2016, 2019, "MB", "mercedes"),
]

# By item group: title, Partslink's part type, the first two digits of numbers of some
# makers, weight in lb, list price in USD, core charge or None, and the trade of those
# who make it.
_PARTS_BY_GROUP: dict[str, list[tuple[str, str, str, float, int, int | None, str]]] = {
    "Bumper Covers": [
        ("Front bumper cover, primed", "1000", "52", 11.4, 412, None, "body"),
        ("Front bumper cover, textured", "1000", "52", 10.9, 298, None, "body"),
        ("Rear bumper cover, primed", "1100", "52", 12.2, 438, None, "body"),
        ("Front bumper reinforcement", "1006", "52", 18.5, 264, None, "body"),
    ],
    "Headlamps": [
        ("Left headlamp assembly, halogen", "2502", "81", 7.6, 348, None, "lamp"),
        ("Right headlamp assembly, halogen", "2503", "81", 7.6, 348, None, "lamp"),
        ("Left headlamp assembly, LED", "2502", "81", 9.8, 912, 85, "lamp"),
        ("Right headlamp assembly, LED", "2503", "81", 9.8, 912, 85, "lamp"),
    ],
    "Fenders": [
        ("Left front fender", "1240", "53", 8.4, 287, None, "body"),
        ("Right front fender", "1241", "53", 8.4, 287, None, "body"),
        ("Left fender liner", "1248", "53", 2.9, 84, None, "body"),
        ("Right fender liner", "1249", "53", 2.9, 84, None, "body"),
    ],
    "Hoods": [
        ("Hood panel, steel", "1230", "53", 38.0, 534, None, "body"),
        ("Hood panel, aluminum", "1230", "53", 22.5, 871, None, "body"),
    ],
    "Grilles": [
        ("Grille assembly, chrome and black", "1200", "53", 3.8, 243, None, "body"),
        ("Grille assembly, paint to match", "1200", "53", 3.6, 198, None, "body"),
    ],
    "Mirrors": [
        ("Left power mirror, heated", "1320", "87", 4.1, 276, None, "lamp"),
        ("Right power mirror, heated", "1321", "87", 4.1, 276, None, "lamp"),
    ],
    "Tail Lamps": [
        ("Left tail lamp assembly, outer", "2800", "81", 4.4, 221, None, "lamp"),
        ("Right tail lamp assembly, outer", "2801", "81", 4.4, 221, None, "lamp"),
    ],
    "Radiators": [
        ("Radiator, automatic transmission", "3010", "16", 13.7, 319, 45, "cooling"),
        ("A/C condenser with drier", "3030", "88", 7.2, 266, None, "cooling"),
    ],
    "Wheel Covers": [
        ('Wheel cover, 16", silver', "6512", "42", 1.6, 61, None, "body"),
    ],
}
PARTS = [(group, *part) for group, parts in _PARTS_BY_GROUP.items() for part in parts]

# Item groups without a part above.
OTHER_GROUPS = ["Surcharge", "Superseded", "Core Deposits"]

# Trade, aftermarket brand, and the prefix of its own numbers: three brands in each
# trade, next to each other.
BRANDS = [
    ("body", "Meridian Stamping", "MS"),
    ("body", "Northgate Body", "NGB"),
    ("body", "Truform Panels", "TF"),
    ("lamp", "Keylight Optics", "KLO"),
    ("lamp", "Alder & Wren Lamps", "AW"),
    ("lamp", "Contour Pro", "CP"),
    ("cooling", "Sunfield Cooling", "SF"),
    ("cooling", "Harrow Thermal", "HT"),
    ("cooling", "Cascade Coil", "CC"),
]

# Name, and whether its stock is for sale. No partner knows the fourth location.
LOCATIONS = [
    ("HQ", True),
    ("Warehouse East", True),
    ("Returns", False),
    ("Consignment", True),
]

# The four rows of the case study: SKU, part type, on hand, and which of PARTS.
PREVIEW = [
    ("100-4412", "CAPA", 12, 0),
    ("225-0198", "OEM", 0, 12),
    ("300-7710", "AM", 8, 4),
    ("410-2250", "OD", 3, 8),
]

CAPTIONS = [
    "Part Type",
    "Certification",
    "OEM Number",
    "Partslink",
    "List Price",
    "OD Source",
    "Core Charge",
    "Alternate Numbers",
    "Vehicle Make",
    "Vehicle Model",
    "Year From",
    "Year To",
]

# Of each 500 items, one shows each edge case. With 2,000 items, every edge case occurs
# four times. The SQL of `sample_items` and `sample_stock` uses the names.
SLOTS = 500
_FIRST_SLOT, _STEP = 9, 6

# Edge case, and the part type that its item must have; "" for any.
EDGE_CASES = [
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
    """Return (slot, edge case, part type) of every edge case, spread over the slots.

    The two of a pair ("a" and "b") get neighboring slots, so that the second item can
    be made from the first.
    """
    rows: list[tuple[int, str, str]] = []
    for place, (name, part_type) in enumerate(EDGE_CASES):
        is_second = name.endswith(" b")
        slot = rows[-1][0] + 1 if is_second else _FIRST_SLOT + _STEP * place
        rows.append((slot, name, part_type))
    return rows
