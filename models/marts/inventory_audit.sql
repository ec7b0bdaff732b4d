{#- Its 45 columns cost more to write than to join when read. Only Spark reads a view of
    Spark. -#}
{{ config(materialized='table' if target.type == 'spark' else 'view') }}

with

parts_shown as (

    select * from {{ ref('int_parts_15_shown') }}

),

final as (

    select
        ---------- the row and its decision
        item_id,
        item_name,
        location_id,
        location_name,
        stock_row_id,
        status,
        output,
        reason_code,
        reason_codes,
        warnings,

        ---------- the values of the feed
        '{{ var("supplier_code") }}' as supplier_code,
        location_code,
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
        saleable_quantity as qty_on_hand,
        list_price,
        sell_price,
        core_charge,
        weight_lb,
        updated_at,

        ---------- what the partner last had
        last_part_type,
        last_sell_price,
        last_delivered_at,

        ---------- the values of the source
        on_hand_raw,
        available_raw,
        part_type_raw,
        certification_raw,
        item_group_raw,
        manufacturer_raw,
        manufacturer_part_number_raw,
        oem_number_raw,
        alternate_numbers_raw,
        partslink_raw,
        upc_raw,
        description_raw,
        vehicle_make_raw,
        vehicle_model_raw,
        year_from_raw,
        year_to_raw,
        list_price_raw,
        price_raw,
        core_charge_raw,
        weight_raw,
        od_source_raw,
        item_modified_at,
        _extract_run_id as extract_run_id

    from parts_shown

)

select * from final
