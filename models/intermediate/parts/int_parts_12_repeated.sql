-- The items that repeat another row at the same location: the same SKU in two rows
-- (DUP_KEY), or the same part under two SKUs (DUP_PART). Only rows in play are
-- compared: an item that is inactive, elsewhere or out of stock repeats nothing.

with

place_codes as (

    select * from {{ ref('int_parts_11_place_codes') }}

),

parts_normalised as (

    select * from {{ ref('int_parts_06_normalised') }}

),

in_play as (

    select
        place_codes.item_id,
        place_codes.location_code,
        parts_normalised.supplier_sku,
        parts_normalised.part_type,
        coalesce(upper(parts_normalised.brand), '') as brand_key,
        coalesce(parts_normalised.oem_part_number_key, '') as oem_part_number_key,
        coalesce(parts_normalised.partslink_number, '') as partslink_number

    from place_codes
    inner join parts_normalised
        on place_codes.item_id = parts_normalised.item_id
    where place_codes.is_in_play

),

keys_repeated as (

    select
        location_code,
        supplier_sku

    from in_play
    group by
        location_code,
        supplier_sku
    having count(*) > 1

),

-- The same type, brand, OEM number and Partslink number. Two brands or two types may
-- share the numbers, and two parts without any number have nothing in common.
identities_repeated as (

    select
        location_code,
        part_type,
        brand_key,
        oem_part_number_key,
        partslink_number

    from in_play
    where
        part_type is not null
        and (oem_part_number_key <> '' or partslink_number <> '')
    group by
        location_code,
        part_type,
        brand_key,
        oem_part_number_key,
        partslink_number
    having min(supplier_sku) <> max(supplier_sku)

),

final as (

    select distinct
        in_play.item_id,
        in_play.location_code,
        keys_repeated.supplier_sku is not null as is_key_repeated,
        identities_repeated.part_type is not null as is_part_repeated

    from in_play
    left join keys_repeated
        on
            in_play.location_code = keys_repeated.location_code
            and in_play.supplier_sku = keys_repeated.supplier_sku
    left join identities_repeated
        on
            in_play.location_code = identities_repeated.location_code
            and in_play.part_type = identities_repeated.part_type
            and in_play.brand_key = identities_repeated.brand_key
            and in_play.oem_part_number_key = identities_repeated.oem_part_number_key
            and in_play.partslink_number = identities_repeated.partslink_number
    where
        keys_repeated.supplier_sku is not null
        or identities_repeated.part_type is not null

)

select * from final
