-- The items that offer, at one location, what another SKU offers too: the same type,
-- brand, OEM number and Partslink number. Across types and brands that is normal.

with

parts_in_play as (

    select * from {{ ref('int_parts_in_play') }}

),

identities_repeated as (

    select
        location_code,
        part_type,
        brand_key,
        oem_part_number_key,
        partslink_number

    from parts_in_play
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
        parts_in_play.item_id,
        parts_in_play.location_code

    from parts_in_play
    inner join identities_repeated
        on
            parts_in_play.location_code = identities_repeated.location_code
            and parts_in_play.part_type = identities_repeated.part_type
            and parts_in_play.brand_key = identities_repeated.brand_key
            and parts_in_play.oem_part_number_key
            = identities_repeated.oem_part_number_key
            and parts_in_play.partslink_number
            = identities_repeated.partslink_number

)

select * from final
