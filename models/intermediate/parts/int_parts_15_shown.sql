-- The decision about each row, with its warnings, the partner's columns and the values
-- of the source.

with

parts_decided as (

    select * from {{ ref('int_parts_14_decided') }}

),

parts_normalised as (

    select * from {{ ref('int_parts_06_normalised') }}

),

final as (

    select
        ---------- the row and its decision
        parts_decided.item_id,
        coalesce(parts_normalised.item_name, parts_decided.stock_item_name)
            as item_name,
        parts_decided.stock_row_id,
        parts_decided.location_id,
        parts_decided.location_name,
        parts_decided.status,
        parts_decided.output,
        parts_decided.reason_code,
        parts_decided.reason_codes,
        nullif(concat_ws(
            '|',
            nullif(parts_normalised.warnings, ''),
            case when parts_decided.is_brand_changed then 'BRAND_CHANGED' end,
            case
                when parts_decided.is_certification_changed then 'CERTIFICATION_CHANGED'
            end,
            case when parts_decided.is_gtin_shared then 'GTIN_SHARED' end,
            case when parts_decided.is_partslink_shared then 'PARTSLINK_SHARED' end,
            case when parts_decided.is_sku_alike then 'SKU_ALIKE' end
        ), '') as warnings,

        ---------- the values of the feed
        parts_decided.location_code,
        parts_normalised.supplier_sku,
        parts_normalised.part_type,
        parts_normalised.cieca_part_type,
        parts_normalised.certification,
        parts_normalised.brand,
        parts_normalised.mfr_part_number,
        parts_normalised.oem_part_number,
        parts_normalised.oem_part_number_key,
        parts_normalised.alt_part_numbers,
        parts_normalised.partslink_number,
        parts_normalised.gtin,
        parts_normalised.description,
        parts_normalised.part_category,
        parts_normalised.vehicle_make,
        parts_normalised.vehicle_model,
        parts_normalised.year_from,
        parts_normalised.year_to,
        parts_decided.saleable_quantity,
        parts_normalised.list_price,
        parts_normalised.sell_price,
        parts_normalised.core_charge,
        parts_normalised.weight_lb,
        {{ truncated_to('second', 'parts_decided._extracted_at') }} as updated_at,

        ---------- what the partner last had
        parts_decided.last_part_type,
        parts_decided.last_sell_price,
        parts_decided.last_delivered_at,

        ---------- the values of the source
        parts_decided.on_hand_raw,
        parts_decided.available_raw,
        parts_normalised.part_type_raw,
        parts_normalised.certification_raw,
        parts_normalised.item_group_raw,
        parts_normalised.manufacturer_raw,
        parts_normalised.manufacturer_part_number_raw,
        parts_normalised.oem_number_raw,
        parts_normalised.alternate_numbers_raw,
        parts_normalised.partslink_raw,
        parts_normalised.upc_raw,
        parts_normalised.description_raw,
        parts_normalised.vehicle_make_raw,
        parts_normalised.vehicle_model_raw,
        parts_normalised.year_from_raw,
        parts_normalised.year_to_raw,
        parts_normalised.list_price_raw,
        parts_normalised.price_raw,
        parts_normalised.core_charge_raw,
        parts_normalised.weight_raw,
        parts_normalised.od_source_raw,
        parts_normalised.item_modified_at,
        parts_decided._extract_run_id

    from parts_decided
    left join parts_normalised
        on parts_decided.item_id = parts_normalised.item_id

)

select * from final
