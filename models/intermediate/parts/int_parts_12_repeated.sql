-- The items that repeat another row at the same location: the same SKU in two rows
-- (DUP_KEY), or the same part under two SKUs (DUP_PART). A Partslink number or a GTIN
-- of several items is only a warning: an AM and a CAPA part may be twins. So are SKUs
-- that differ only in case or blanks. Only rows in play are compared: an item that is
-- inactive, elsewhere or out of stock repeats nothing. But two stock rows of one item
-- and location both count: nobody knows which quantity is right.

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
        place_codes.location_id,
        place_codes.location_code,
        parts_normalised.supplier_sku,
        {{ sku_folded('parts_normalised.supplier_sku') }} as sku_folded,
        parts_normalised.part_type,
        coalesce({{ capitals('parts_normalised.brand') }}, '') as brand_key,
        coalesce(parts_normalised.oem_part_number_key, '') as oem_part_number_key,
        coalesce(parts_normalised.partslink_number, '') as partslink_number,
        parts_normalised.gtin

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

stock_repeated as (

    select
        item_id,
        location_id

    from place_codes
    where location_id is not null
    group by
        item_id,
        location_id
    having count(*) > 1

),

skus_alike as (

    select sku_folded

    from in_play
    group by sku_folded
    having min(supplier_sku) <> max(supplier_sku)

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

partslinks_shared as (

    select partslink_number

    from in_play
    where partslink_number <> ''
    group by partslink_number
    having min(item_id) <> max(item_id)

),

gtins_shared as (

    select gtin

    from in_play
    group by gtin
    having min(item_id) <> max(item_id)

),

final as (

    select distinct
        in_play.item_id,
        in_play.location_code,
        keys_repeated.supplier_sku is not null
        or stock_repeated.item_id is not null as is_key_repeated,
        identities_repeated.part_type is not null as is_part_repeated,
        partslinks_shared.partslink_number is not null as is_partslink_shared,
        gtins_shared.gtin is not null as is_gtin_shared,
        skus_alike.sku_folded is not null as is_sku_alike

    from in_play
    left join keys_repeated
        on
            in_play.location_code = keys_repeated.location_code
            and in_play.supplier_sku = keys_repeated.supplier_sku
    left join stock_repeated
        on
            in_play.item_id = stock_repeated.item_id
            and in_play.location_id = stock_repeated.location_id
    left join skus_alike
        on in_play.sku_folded = skus_alike.sku_folded
    left join identities_repeated
        on
            in_play.location_code = identities_repeated.location_code
            and in_play.part_type = identities_repeated.part_type
            and in_play.brand_key = identities_repeated.brand_key
            and in_play.oem_part_number_key = identities_repeated.oem_part_number_key
            and in_play.partslink_number = identities_repeated.partslink_number
    left join partslinks_shared
        on in_play.partslink_number = partslinks_shared.partslink_number
    left join gtins_shared
        on in_play.gtin = gtins_shared.gtin
    where
        keys_repeated.supplier_sku is not null
        or stock_repeated.item_id is not null
        or skus_alike.sku_folded is not null
        or identities_repeated.part_type is not null
        or partslinks_shared.partslink_number is not null
        or gtins_shared.gtin is not null

)

select * from final
