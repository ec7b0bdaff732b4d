-- Every item in the partner's columns, with the warnings about what was cut or left
-- out, the values that the rules need, and the values of the source.

with

parts_kept as (

    select * from {{ ref('int_parts_06_kept') }}

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
        description,
        part_category,
        vehicle_make,
        vehicle_model,
        year_from,
        year_to,
        list_price,
        sell_price,
        core_charge,
        weight_lb,
        warnings,

        ---------- what the rules need
        quantity_pieces,
        is_unit_unknown,
        {{ kept_or_same('item_name_kept', 'supplier_sku') }} as item_name,
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
        {{ kept_or_same('part_type_kept', 'part_type') }} as part_type_raw,
        certification_raw,
        item_group_raw,
        {{ kept_or_same('manufacturer_kept', 'brand') }} as manufacturer_raw,
        {{ kept_or_same('manufacturer_part_number_kept', 'mfr_part_number') }}
            as manufacturer_part_number_raw,
        {{ kept_or_same('oem_number_kept', 'oem_part_number') }} as oem_number_raw,
        {{ kept_or_same('alternate_numbers_kept', 'alt_part_numbers') }}
            as alternate_numbers_raw,
        {{ kept_or_same('partslink_kept', 'partslink_number') }} as partslink_raw,
        {{ kept_or_same('upc_kept', 'substr(gtin, 3)') }} as upc_raw,
        {{ kept_or_same('description_kept', 'description') }} as description_raw,
        {{ kept_or_same('vehicle_make_kept', 'vehicle_make') }} as vehicle_make_raw,
        {{ kept_or_same('vehicle_model_kept', 'vehicle_model') }} as vehicle_model_raw,
        {{ kept_or_same('year_from_kept', 'cast(year_from as string)') }}
            as year_from_raw,
        {{ kept_or_same('year_to_kept', 'cast(year_to as string)') }} as year_to_raw,
        {{ kept_or_same('list_price_kept', 'cast(list_price as string)') }}
            as list_price_raw,
        {{ kept_or_same('price_kept', 'cast(sell_price as string)') }} as price_raw,
        core_charge_raw,
        {{ kept_or_same('weight_kept', 'cast(weight_lb as string)') }} as weight_raw,
        od_source_raw,
        item_modified_at,
        _extract_run_id,
        _extracted_at

    from parts_kept

)

select * from final
