-- Which number means what depends on the type. The maker of an OEM or OD part is the
-- vehicle maker, so its number is the OEM number; the maker of an aftermarket part
-- prints a number of its own, and names the OEM number it replaces.

with

parts_numbered as (

    select * from {{ ref('int_parts_numbered') }}

),

parts_typed as (

    select * from {{ ref('int_parts_typed') }}

),

assigned as (

    select
        parts_numbered.item_id,
        parts_numbered.supplier_sku,
        parts_typed.is_genuine,
        case
            when parts_typed.is_genuine
                then coalesce(
                    upper(parts_numbered.maker_number),
                    parts_numbered.oem_number
                )
            else parts_numbered.maker_number
        end as mfr_part_number,
        case
            when parts_typed.is_genuine
                then coalesce(
                    upper(parts_numbered.maker_number),
                    parts_numbered.oem_number
                )
            else parts_numbered.oem_number
        end as oem_part_number,
        case
            when parts_typed.is_genuine then null
            else parts_numbered.partslink_number
        end as partslink_number,
        parts_numbered.alternate_numbers

    from parts_numbered
    inner join parts_typed
        on parts_numbered.item_id = parts_typed.item_id

),

keyed as (

    select
        item_id,
        supplier_sku,
        is_genuine,
        mfr_part_number,
        oem_part_number,
        {{ part_number_key('oem_part_number') }} as oem_part_number_key,
        partslink_number,
        {{ listed_numbers('alternate_numbers', 'oem_part_number') }}
            as alternates

    from assigned

),

final as (

    select
        item_id,
        supplier_sku,
        mfr_part_number,
        partslink_number,
        {{ first_joined(fit_numbers('alternates'), 5) }} as alt_part_numbers,
        -- More numbers were given than were fit, or than fit in.
        {{ first_joined('alternates', 1000) }} is distinct from
        {{ first_joined(fit_numbers('alternates'), 5) }} as is_alternate_dropped,
        -- An OEM number too short to be matched is a fault where the part is sold
        -- under it, and no more than a missing hint beside a maker's own number.
        not is_genuine
        and length(oem_part_number_key) < 4 as is_oem_number_dropped,
        case
            when is_genuine or length(oem_part_number_key) >= 4
                then oem_part_number
        end as oem_part_number,
        case
            when is_genuine or length(oem_part_number_key) >= 4
                then oem_part_number_key
        end as oem_part_number_key

    from keyed

)

select * from final
