-- The texts of a part, its category, and the vehicle that it fits.

with

parts_identified as (

    select * from {{ ref('int_parts_03_identified') }}

),

tidied as (

    select
        *,
        coalesce(
            -- The maker of an OEM or OD part is the vehicle maker.
            case when is_genuine then {{ tidied('known_vehicle_make') }} end,
            {{ tidied('known_manufacturer_name') }}
        ) as whole_brand,
        coalesce({{ tidied('description') }}, {{ tidied('item_name') }})
            as whole_description,
        coalesce(
            mapped_category,
            {{ tidied('item_group_name') }},
            'Uncategorised'
        ) as whole_category,
        {{ tidied('known_vehicle_make') }} as fitted_make,
        {{ tidied('known_vehicle_model') }} as fitted_model,
        -- The newest valid model year depends on the time of the extract, not on the
        -- clock.
        extract(year from _extracted_at) + 2 as newest_year

    from parts_identified

),

-- Make, model and both years are all published or all left out.
fitted as (

    select
        *,
        coalesce(
            length(fitted_make) <= 30
            and length(fitted_model) <= 50
            and year_from = floor(year_from)
            and year_to = floor(year_to)
            and year_from between 1950 and year_to
            and year_to <= newest_year, false
        ) as is_fitment_whole

    from tidied

),

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
        is_active,
        modified_at,
        _extract_run_id,
        _extracted_at,

        ---------- from the steps before
        supplier_sku,
        quantity_pieces,
        price_pieces,
        is_unit_unknown,
        has_od_source,
        is_partslink_invalid,
        gtin,
        is_gtin_invalid,
        is_category_mapped,
        is_group_offered,
        has_capa_evidence,
        has_nsf_evidence,
        is_certification_unknown,
        is_capa_downgraded,
        part_type,
        cieca_part_type,
        certification,
        is_genuine,
        is_type_offered,
        mfr_part_number,
        partslink_number,
        is_oem_number_dropped,
        oem_part_number,
        oem_part_number_key,
        alt_part_numbers,
        is_alternate_dropped,

        ---------- added by this step
        whole_brand,
        whole_description,
        whole_category,
        {{ cut_at_word('whole_brand', var('brand_length')) }} as brand,
        {{ cut_at_word('whole_description', var('description_length')) }}
            as feed_description,
        {{ cut_at_word('whole_category', var('category_length')) }}
            as part_category,
        case when is_fitment_whole then fitted_make end as feed_vehicle_make,
        case when is_fitment_whole then fitted_model end as feed_vehicle_model,
        case when is_fitment_whole then cast(year_from as integer) end
            as feed_year_from,
        case when is_fitment_whole then cast(year_to as integer) end
            as feed_year_to,
        not is_fitment_whole
        and coalesce(
            fitted_make, fitted_model, year_from_raw, year_to_raw
        ) is not null as is_fitment_partial

    from fitted

)

select * from final
