"""The words of the made-up distributor: vehicles, parts, brands, places.

Brands, quantities, prices and numbers are invented. Shapes of numbers are those
that the trade uses, because the shapes are what software trips over.
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

# Item group, title, Partslink's part type, first two digits that some makers use,
# weight in lb, list price in USD, core charge or none,
# and the trade of those who make it.
PARTS = [
    (
        "Bumper Covers",
        "Front bumper cover, primed",
        "1000",
        "52",
        11.4,
        412,
        None,
        "body",
    ),
    (
        "Bumper Covers",
        "Front bumper cover, textured",
        "1000",
        "52",
        10.9,
        298,
        None,
        "body",
    ),
    (
        "Bumper Covers",
        "Rear bumper cover, primed",
        "1100",
        "52",
        12.2,
        438,
        None,
        "body",
    ),
    (
        "Bumper Covers",
        "Front bumper reinforcement",
        "1006",
        "52",
        18.5,
        264,
        None,
        "body",
    ),
    (
        "Headlamps",
        "Left headlamp assembly, halogen",
        "2502",
        "81",
        7.6,
        348,
        None,
        "lamp",
    ),
    (
        "Headlamps",
        "Right headlamp assembly, halogen",
        "2503",
        "81",
        7.6,
        348,
        None,
        "lamp",
    ),
    ("Headlamps", "Left headlamp assembly, LED", "2502", "81", 9.8, 912, 85, "lamp"),
    ("Headlamps", "Right headlamp assembly, LED", "2503", "81", 9.8, 912, 85, "lamp"),
    ("Fenders", "Left front fender", "1240", "53", 8.4, 287, None, "body"),
    ("Fenders", "Right front fender", "1241", "53", 8.4, 287, None, "body"),
    ("Fenders", "Left fender liner", "1248", "53", 2.9, 84, None, "body"),
    ("Fenders", "Right fender liner", "1249", "53", 2.9, 84, None, "body"),
    ("Hoods", "Hood panel, steel", "1230", "53", 38.0, 534, None, "body"),
    ("Hoods", "Hood panel, aluminum", "1230", "53", 22.5, 871, None, "body"),
    (
        "Grilles",
        "Grille assembly, chrome and black",
        "1200",
        "53",
        3.8,
        243,
        None,
        "body",
    ),
    (
        "Grilles",
        "Grille assembly, paint to match",
        "1200",
        "53",
        3.6,
        198,
        None,
        "body",
    ),
    ("Mirrors", "Left power mirror, heated", "1320", "87", 4.1, 276, None, "lamp"),
    ("Mirrors", "Right power mirror, heated", "1321", "87", 4.1, 276, None, "lamp"),
    (
        "Tail Lamps",
        "Left tail lamp assembly, outer",
        "2800",
        "81",
        4.4,
        221,
        None,
        "lamp",
    ),
    (
        "Tail Lamps",
        "Right tail lamp assembly, outer",
        "2801",
        "81",
        4.4,
        221,
        None,
        "lamp",
    ),
    (
        "Radiators",
        "Radiator, automatic transmission",
        "3010",
        "16",
        13.7,
        319,
        45,
        "cooling",
    ),
    ("Radiators", "A/C condenser with drier", "3030", "88", 7.2, 266, None, "cooling"),
    ("Wheel Covers", 'Wheel cover, 16", silver', "6512", "42", 1.6, 61, None, "body"),
]

# Groups that no part above belongs to.
OTHER_GROUPS = ["Surcharge", "Superseded", "Core Deposits"]

# Trade, aftermarket brand, and the letters its own numbers begin with: three brands
# in each trade, the three of one trade together.
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

# Name, and whether its stock is for sale. The third is not, the fourth is a
# location that no partner knows.
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
