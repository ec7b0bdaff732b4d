{#- A view has at most 32,700 characters in Spark's own catalog. -#}
{{ config(materialized='table' if target.type == 'spark' else 'view') }}

-- The part numbers of every item, each in the standard form of its kind. A wrong number
-- is kept as it is. A later rule finds it.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

none_words as (

    select distinct {{ none_key('word') }} as word

    from {{ ref('none_words') }}
    where used_for = 'all'

),

-- A brand is none by these and by more words, such as House or Aftermarket.
no_brand_words as (

    select distinct {{ none_key('word') }} as word from {{ ref('none_words') }}

),

units_of_measure as (

    select
        {{ list_key('unit') }} as unit,
        max(quantity_pieces) as quantity_pieces,
        max(price_pieces) as price_pieces

    from {{ ref('units_of_measure') }}
    group by {{ list_key('unit') }}

),

-- An item has a unit, or a set of units, or none. Order Time may write a reference to
-- none with the id 0. A reference without an id or a name is one to an unknown unit.
units_named as (

    select
        *,
        coalesce(unit_id <> 0, has_unit_reference, false)
        or {{ present('unit_name') }} is not null as has_unit,
        coalesce(unit_set_id <> 0, has_unit_set_reference, false)
        or {{ present('unit_set_name') }} is not null as has_unit_set

    from part_items

),

units_read as (

    select
        units_named.*,
        coalesce(units.quantity_pieces, unit_sets.quantity_pieces) as quantity_pieces,
        coalesce(units.price_pieces, unit_sets.price_pieces) as price_pieces,
        (not units_named.has_unit_set or units_named.has_unit) and units.unit is null
        or units_named.has_unit_set and unit_sets.unit is null
        or coalesce(units.quantity_pieces <> unit_sets.quantity_pieces, false)
        or coalesce(units.price_pieces <> unit_sets.price_pieces, false)
            as is_unit_unknown

    from units_named
    left join units_of_measure as units
        on
            case
                when units_named.has_unit then {{ list_key('units_named.unit_name') }}
                when not units_named.has_unit_set
                    then '{{ var("default_unit") | upper }}'
            end = units.unit
    left join units_of_measure as unit_sets
        on {{ list_key('units_named.unit_set_name') }} = unit_sets.unit

),

keyed as (

    select
        *,
        {{ none_keys(
            [
                'item_name', 'manufacturer_part_number', 'oem_number',
                'alternate_numbers', 'partslink', 'upc',
            ],
            [
                'manufacturer_name', 'vehicle_make', 'vehicle_model', 'od_source',
                'certification_name',
            ],
        ) }}

    from units_read

),

-- A word for none, such as N/A or TBD, is none.
known as (

    select
        *,
        {{ number_unless_none('item_name') }} as known_item_name,
        {{ number_unless_none('manufacturer_part_number') }}
            as known_manufacturer_part_number,
        {{ number_unless_none('oem_number') }} as known_oem_number,
        {{ number_unless_none('alternate_numbers') }} as known_alternate_numbers,
        {{ number_unless_none('partslink') }} as known_partslink,
        {{ number_unless_none('upc') }} as known_upc,
        {{ text_unless_none('manufacturer_name', 'no_brand_words') }}
            as known_manufacturer_name,
        {{ text_unless_none('vehicle_make', 'no_brand_words') }}
            as known_vehicle_make,
        {{ text_unless_none('vehicle_model') }} as known_vehicle_model,
        {{ text_unless_none('od_source') }} as known_od_source,
        {{ text_unless_none('certification_name') }} as known_certification_name

    from keyed

),

cleaned as (

    select
        *,
        nullif(known_item_name, '') as supplier_sku,
        nullif({{ trimmed('known_manufacturer_part_number') }}, '') as maker_number,
        nullif({{ capitals(trimmed('known_oem_number')) }}, '') as replaced_number,
        nullif({{ trimmed('known_upc') }}, '') as scanned_number,
        {{ partslink_text('known_partslink', 'item_name') }} as partslink_text

    from known

),

shaped as (

    select
        *,
        {{ is_partslink('partslink_text') }} as is_partslink,
        try_cast(scanned_number as bigint) as scanned_value

    from cleaned

),

scanned as (

    select
        *,
        {{ gtin_14('scanned_number', 'scanned_value') }} as gtin

    from shaped

),

-- A Partslink number has two characters for the maker, four digits for the part and
-- three for the sequence, which may contain letters since 2024. From the tenth
-- character on it is the variant, of up to four letters. C and CAPA, N and NSF stand
-- for a certificate.
final as (

    select
        ---------- the item as it was read
        item_id,
        item_name,
        item_type_id,
        item_group_name,
        manufacturer_name,
        manufacturer_part_number,
        upc,
        description,
        part_type_name,
        certification_name,
        oem_number,
        partslink,
        od_source,
        alternate_numbers,
        vehicle_make,
        vehicle_model,
        price_raw,
        standard_cost_raw,
        weight_raw,
        list_price_raw,
        core_charge_raw,
        year_from_raw,
        year_to_raw,
        price,
        standard_cost,
        weight,
        list_price,
        core_charge,
        year_from,
        year_to,
        is_active,
        modified_at,
        _extract_run_id,
        _extracted_at,

        ---------- added by this step
        supplier_sku,
        maker_number,
        replaced_number,
        quantity_pieces,
        price_pieces,
        is_unit_unknown,
        known_alternate_numbers,
        known_manufacturer_name,
        known_vehicle_make,
        known_vehicle_model,
        known_certification_name,
        nullif({{ trimmed('known_od_source') }}, '') is not null
        and not {{ is_no_proof('known_od_source') }} as has_od_source,
        case when is_partslink then left(partslink_text, 9) end as partslink_base,
        case when is_partslink then substr(partslink_text, 10) end
            as partslink_suffix,
        not coalesce(is_partslink, true) as is_partslink_invalid,
        gtin,
        -- A blank label scans as zeros, which are no number.
        coalesce(
            scanned_number is not null
            or {{ matches('upc', '^ *[0-9]{12,14} *$') }}, false
        )
        and gtin is null as is_gtin_invalid

    from scanned

)

select * from final
