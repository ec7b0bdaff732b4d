-- Which number means what depends on the type. The maker of an OEM or OD part is the
-- vehicle maker, so its number is the OEM number; the maker of an aftermarket part
-- prints a number of its own, and names the OEM number it replaces.

with

parts_typed as (

    select * from {{ ref('int_parts_typed') }}

),

assigned as (

    select
        *,
        case
            when is_genuine then coalesce(upper(maker_number), replaced_number)
            else maker_number
        end as mfr_part_number,
        case
            when is_genuine then coalesce(upper(maker_number), replaced_number)
            else replaced_number
        end as matched_number,
        case when not is_genuine then partslink_base end as partslink_number

    from parts_typed

),

keyed as (

    select
        *,
        {{ part_number_key('matched_number') }} as matched_number_key,
        {{ listed_numbers('alternate_numbers', 'matched_number') }} as alternates

    from assigned

),

-- An OEM number too short to be matched is a fault where the part is sold under it,
-- and no more than a missing hint beside a maker's own number.
judged as (

    select
        *,
        coalesce(not is_genuine and length(matched_number_key) < 4, false)
            as is_oem_number_dropped

    from keyed

),

final as (

    select
        *,
        case when not is_oem_number_dropped then matched_number end
            as oem_part_number,
        case when not is_oem_number_dropped then matched_number_key end
            as oem_part_number_key,
        {{ first_joined(fit_numbers('alternates'), 5) }} as alt_part_numbers,
        -- More numbers were given than were fit, or than fit in.
        coalesce({{ first_joined('alternates', 1000) }}, '')
        <> coalesce({{ first_joined(fit_numbers('alternates'), 5) }}, '')
            as is_alternate_dropped

    from judged

)

select * from final
