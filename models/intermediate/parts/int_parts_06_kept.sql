-- Every item in the partner's columns, with the warnings about what was cut or left
-- out, the values that the rules need, and the values of the source. Most of these are
-- equal to the published ones, and to write a text costs more than to compare it, so
-- only those that differ are kept.

with

parts_priced as (

    select * from {{ ref('int_parts_05_priced') }}

),

final as (

    select
        item_id,

        ---------- the partner's columns
        supplier_sku,
        part_type,
        cieca_part_type,
        certification,
        brand,
        mfr_part_number,
        oem_part_number,
        oem_part_number_key,
        alt_part_numbers,
        partslink_number,
        gtin,
        feed_description as description,
        part_category,
        feed_vehicle_make as vehicle_make,
        feed_vehicle_model as vehicle_model,
        feed_year_from as year_from,
        feed_year_to as year_to,
        feed_list_price as list_price,
        sell_price,
        feed_core_charge as core_charge,
        weight_lb,
        concat_ws(
            '|',
            case when is_alternate_dropped then 'ALT_NUMBERS_DROPPED' end,
            case when brand <> whole_brand then 'BRAND_CUT' end,
            case when is_capa_downgraded then 'CAPA_DOWNGRADED' end,
            case when part_category <> whole_category then 'CATEGORY_CUT' end,
            case when not is_category_mapped then 'CATEGORY_UNMAPPED' end,
            case when is_certification_unknown then 'CERT_UNKNOWN' end,
            case when is_cost_invalid then 'COST_INVALID' end,
            case when feed_description <> whole_description then 'DESC_CUT' end,
            case when is_fitment_partial then 'FITMENT_PARTIAL' end,
            case when is_gtin_invalid then 'GTIN_INVALID' end,
            case
                when
                    {{ is_like_number('supplier_sku') }}
                    or {{ is_like_number('oem_part_number_key') }}
                    then 'KEY_LIKE_NUMBER'
            end,
            case when is_list_price_invalid then 'LIST_PRICE_INVALID' end,
            case when is_oem_number_dropped then 'OEM_NO_SHORT' end,
            case when is_partslink_invalid then 'PARTSLINK_INVALID' end,
            case
                when
                    {{ is_doubtful('supplier_sku') }}
                    or {{ is_doubtful('mfr_part_number') }}
                    or {{ is_doubtful('oem_part_number') }}
                    or {{ has_doubtful_number('alt_part_numbers') }}
                    then 'PART_NO_DOUBTFUL'
            end,
            case when is_weight_invalid then 'WEIGHT_INVALID' end
        ) as warnings,

        ---------- what the rules need
        quantity_pieces,
        is_unit_unknown,
        {{ unless_same('item_name', 'supplier_sku') }} as item_name_kept,
        item_type_id,
        is_active,
        is_group_offered,
        is_type_offered,
        is_genuine,
        is_capa_downgraded,
        has_capa_evidence,
        has_nsf_evidence,
        has_od_source,
        price,
        standard_cost,

        ---------- the values of the source
        {{ unless_same('part_type_name', 'part_type') }} as part_type_kept,
        certification_name as certification_raw,
        item_group_name as item_group_raw,
        {{ unless_same('manufacturer_name', 'brand') }} as manufacturer_kept,
        {{ unless_same('manufacturer_part_number', 'mfr_part_number') }}
            as manufacturer_part_number_kept,
        {{ unless_same('oem_number', 'oem_part_number') }} as oem_number_kept,
        {{ unless_same('alternate_numbers', 'alt_part_numbers') }}
            as alternate_numbers_kept,
        {{ unless_same('partslink', 'partslink_number') }} as partslink_kept,
        {{ unless_same('upc', 'substr(gtin, 3)') }} as upc_kept,
        {{ unless_same('description', 'feed_description') }} as description_kept,
        {{ unless_same('vehicle_make', 'feed_vehicle_make') }} as vehicle_make_kept,
        {{ unless_same('vehicle_model', 'feed_vehicle_model') }} as vehicle_model_kept,
        {{ unless_same('year_from_raw', 'cast(feed_year_from as string)') }}
            as year_from_kept,
        {{ unless_same('year_to_raw', 'cast(feed_year_to as string)') }}
            as year_to_kept,
        {{ unless_same('list_price_raw', 'cast(feed_list_price as string)') }}
            as list_price_kept,
        {{ unless_same('price_raw', 'cast(sell_price as string)') }} as price_kept,
        core_charge_raw,
        {{ unless_same('weight_raw', 'cast(weight_lb as string)') }} as weight_kept,
        od_source as od_source_raw,
        modified_at as item_modified_at,
        _extract_run_id,
        _extracted_at

    from parts_priced

)

select * from final
