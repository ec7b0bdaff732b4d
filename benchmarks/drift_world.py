"""A stock of parts as it looks day by day, and what may go wrong with its file.

Everything is a function of the part, the day and a seed, so a history can be replayed
and every day be spoiled in every way. What moves, as it does at a parts dealer:

    week        on Saturdays and Sundays one site in twenty shelves is not counted
    month       in the last days of a month there are more surplus parts
    year        rows rise and fall by 8 %
    parts       come and go; 1 % a day has another price; stock is sold and refilled
    lists       twice a year each brand raises its prices by 4 %
    noise       up to 2 % of the rows are missing, more on some days than on others
"""

import datetime as dt

import duckdb

FIRST = dt.datetime(2025, 3, 3, 7, tzinfo=dt.UTC)  # a Monday

_MACROS = """
create macro chance(thing, salt) as
    (hash(concat(thing, '/', salt)) % 1000003) / 1000003.0;
create macro pick(thing, salt, list) as
    list[1 + floor(pow(chance(thing, salt), 1.6) * len(list))::integer];
"""

_PARTS = """
create table parts as
select
    'S' || lpad(part::varchar, 6, '0') as sku,
    pick(part, 'type:{seed}', ['AM', 'AM', 'OEM', 'CAPA', 'OD']) as part_type,
    pick(part, 'brand:{seed}', [
        'Meridian', 'Truform', 'Northgate', 'Alder', 'Keylight', 'Contour', 'Toyota',
        'Ford', 'Honda', 'Sunfield', 'Harrow', 'Nissan', 'BMW', 'Audi'
    ]) as brand,
    pick(part, 'category:{seed}', [
        'Bumper Cover', 'Fender', 'Hood', 'Grille', 'Headlamp', 'Mirror', 'Radiator'
    ]) as category,
    pick(part, 'make:{seed}', [
        'Toyota', 'Ford', 'Honda', 'Nissan', 'BMW', 'Kia'
    ]) as make,
    round(20 + 900 * pow(chance(part, 'price:{seed}'), 2), 2) as list_price,
    0.5 + 0.3 * chance(part, 'discount:{seed}') as discount,
    round(1 + 40 * chance(part, 'weight:{seed}'), 2) as weight,
    2 + floor(60 * pow(chance(part, 'base:{seed}'), 3))::integer as base,
    10 + floor(50 * chance(part, 'period:{seed}'))::integer as period,
    chance(part, 'phase:{seed}') as phase,
    floor(chance(part, 'from:{seed}') * 1600)::integer - 1200 as launched,
    part
from range({parts}) as every(part)
"""

# The columns of the inventory feed, in its order, for one day.
_DAY = """
create or replace table today as
with counted as (
    select
        *,
        floor(base * (1 - (({day} * 5 / 7.0 / period + phase) % 1)))::integer as qty,
        -- how often the price has changed up to today
        floor({day} / 90.0 + phase)::integer as revised
    from parts
    where
        launched <= {day} and {day} < launched + 1200
        and chance(part, 'year') < 0.92 + 0.08 * sin(6.2832 * {day} / 365.0)
        and chance(part, 'noise:{seed}:{day}') >= 0.02 * chance({day}, 'n:{seed}')
        and ({weekday} < 5 or chance(part, 'shelf') >= 0.05)
        and (part_type <> 'OD' or {month_end} or chance(part, 'surplus') < 0.8)
)
select
    'DEMO01' as supplier_code,
    case when part % 3 = 0 then 'EAST' else 'MAIN' end as location_code,
    sku as supplier_sku,
    part_type,
    case part_type when 'OEM' then 'PAN' when 'OD' then 'PAD' else 'PAA' end
        as cieca_part_type,
    case part_type when 'CAPA' then 'CAPA' else 'NONE' end as certification,
    'NEW' as condition,
    brand,
    upper(left(brand, 3)) || '-' || part as mfr_part_number,
    lpad(part::varchar, 5, '0') || '-' || upper(left(make, 2)) || part % 97
        as oem_part_number,
    replace(oem_part_number, '-', '') as oem_part_number_key,
    case when part % 8 = 0 then oem_part_number || 'A' end as alt_part_numbers,
    case when part_type in ('AM', 'CAPA') then upper(left(make, 2)) || part end
        as partslink_number,
    case when part % 3 = 0 then lpad(part::varchar, 14, '0') end as gtin,
    category || ' ' || make || ' ' || 2008 + part % 12 as description,
    category as part_category,
    case when part % 5 > 0 then make end as vehicle_make,
    case when part % 5 > 0 then 'Model ' || part % 40 end as vehicle_model,
    case when part % 5 > 0 then 2008 + part % 12 end as year_from,
    case when part % 5 > 0 then 2010 + part % 12 end as year_to,
    qty as qty_on_hand,
    cast(list_price * (1 + 0.01 * revised) as decimal(18, 2)) as list_price,
    cast(
        list_price * discount * (1 + 0.01 * revised)
        * (1 + 0.04 * floor({day} / 180.0 + chance(brand, 'round')))
        as decimal(18, 2)
    ) as sell_price,
    cast(case when part % 11 = 0 then 25 else 0 end as decimal(18, 2)) as core_charge,
    cast(case when part % 4 > 0 then weight end as decimal(18, 2)) as weight_lb,
    timestamp '{at}' - interval 1 hour as updated_at
from counted
where qty > 0
"""

# A fault: SQL over `today`; {n} counts the trials.
_FLOODED = ("brand", "description", "gtin", "weight_lb", "part_category", "list_price")
FAULTS: dict[str, tuple[str, ...]] = {
    "wipe-out": (
        "delete from today where chance(supplier_sku, 'w{n}') >= 0.01",
        "delete from today",
    ),
    "20 % loss": ("delete from today where chance(supplier_sku, 'l{n}') < 0.2",),
    "null flood": tuple(
        f"update today set {column} = null where chance(supplier_sku, 'f{{n}}') < 0.6"
        for column in _FLOODED
    ),
    "price collapse": (
        "update today set sell_price = sell_price * 0.1",
        "update today set sell_price = 0.01",
    ),
    "all stock zero": ("update today set qty_on_hand = 0",),
    "type swap": (
        "update today set part_type = case part_type when 'AM' then 'CAPA' when 'CAPA' "
        "then 'AM' else part_type end",
        "update today set part_type = case part_type when 'OEM' then 'OD' when 'OD' "
        "then 'OEM' else part_type end",
    ),
}
# A decay: SQL over `today`, {k} runs after it began.
DECAYS = {
    "rows, 1 % a run": (
        "delete from today where chance(supplier_sku, 'd') >= pow(0.99, {k})"
    ),
    "brand empty in 1 % more": (
        "update today set brand = null where chance(supplier_sku, 'd') < 0.01 * {k}"
    ),
    "prices, 1 % a run": "update today set sell_price = sell_price * pow(0.99, {k})",
    "stock, 2 % a run": (
        "update today set qty_on_hand = ceil(qty_on_hand * pow(0.98, {k}))"
    ),
}


def make(connection: duckdb.DuckDBPyConnection, parts: int, seed: int) -> None:
    """Make the parts; `day` then makes a day of them."""
    for macro in _MACROS.strip().split(";"):
        if macro.strip():
            connection.execute(macro)
    connection.execute(_PARTS.format(parts=parts, seed=seed))


def day(connection: duckdb.DuckDBPyConnection, number: int, seed: int) -> dt.datetime:
    """Make the table `today`, the file's rows on a day; return its logical time."""
    at = FIRST + dt.timedelta(days=number)
    month_end = (at + dt.timedelta(days=3)).month != at.month
    connection.execute(
        _DAY.format(
            day=number,
            seed=seed,
            weekday=at.weekday(),
            month_end=str(month_end).lower(),
            at=f"{at:%Y-%m-%d %H:%M:%S}",
        )
    )
    return at
