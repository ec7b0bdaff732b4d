-- What the rules ask about an item's numbers and texts, as plain facts: how a number
-- can be wrong is told here, what follows from it in the rules.

with

parts_normalised as (

    select * from {{ ref('int_parts_normalised') }}

),

parts_typed as (

    select * from {{ ref('int_parts_typed') }}

),

withdrawn_certificates as (

    select * from {{ ref('withdrawn_certificates') }}

),

gathered as (

    select
        parts_normalised.item_id,
        parts_normalised.supplier_sku as sku,
        parts_normalised.mfr_part_number as mfr,
        parts_normalised.oem_part_number as oem,
        parts_normalised.oem_part_number_key as oem_key,
        {{ part_number_key('parts_normalised.mfr_part_number') }} as mfr_key,
        parts_normalised.partslink_number,
        parts_normalised.brand,
        parts_normalised.description,
        parts_normalised.part_category,
        parts_normalised.vehicle_make,
        parts_normalised.vehicle_model,
        parts_typed.is_genuine,
        parts_typed.part_type is not null as is_typed

    from parts_normalised
    inner join parts_typed
        on parts_normalised.item_id = parts_typed.item_id

),

final as (

    select
        gathered.item_id,

        -- A number of fewer than four letters and digits matches nothing.
        gathered.sku is null
        or (gathered.is_typed and gathered.mfr is null)
        or (gathered.is_genuine and coalesce(length(gathered.oem_key), 0) < 4)
            as is_number_missing,

        coalesce(length(gathered.sku) > {{ var('sku_length') }}, false)
        or coalesce(length(gathered.mfr) > {{ var('part_number_length') }}, false)
        or coalesce(length(gathered.oem) > {{ var('part_number_length') }}, false)
            as is_number_too_long,

        -- A bar separates numbers in the feed, so none may hold one; the SKU is
        -- quoted back to us verbatim, so its spaces may not be trimmed either.
        not {{ is_printable("concat_ws('', gathered.sku, gathered.mfr, gathered.oem)") }}
        or {{ matches("concat_ws('', gathered.mfr, gathered.oem)", '[|]') }}
        or coalesce(gathered.sku <> trim(gathered.sku), false)
            as has_bad_character,

        coalesce({{ is_mangled('gathered.sku') }}, false)
        or coalesce({{ is_mangled('gathered.mfr') }}, false)
        or coalesce({{ is_mangled('gathered.oem') }}, false)
            as is_number_mangled,

        {{ is_formula('gathered.sku') }}
        or {{ is_formula('gathered.mfr') }}
        or {{ is_formula('gathered.oem') }}
        or {{ is_formula('gathered.brand') }}
        or {{ is_formula('gathered.description') }}
        or {{ is_formula('gathered.part_category') }}
        or {{ is_formula('gathered.vehicle_make') }}
        or {{ is_formula('gathered.vehicle_model') }}
            as has_formula,

        coalesce(
            withdrawn_partslinks.part_number_key, withdrawn_numbers.part_number_key
        ) is not null as is_certificate_withdrawn

    from gathered
    left join withdrawn_certificates as withdrawn_partslinks
        on gathered.partslink_number = withdrawn_partslinks.part_number_key
    left join withdrawn_certificates as withdrawn_numbers
        on gathered.mfr_key = withdrawn_numbers.part_number_key

)

select * from final
