-- The decision about each row. The first code that fires decides, and all codes are
-- kept as the reasons. A row without a code is offered.

with

all_codes as (

    select * from {{ ref('int_parts_13_all_codes') }}

),

parts_normalised as (

    select * from {{ ref('int_parts_06_normalised') }}

),

reason_codes as (

    select * from {{ ref('reason_codes') }}

),

final as (

    select
        ---------- the row and its decision
        all_codes.item_id,
        all_codes.item_name,
        all_codes.stock_row_id,
        all_codes.location_id,
        all_codes.location_name,
        reason_codes.status,
        reason_codes.output,
        reason_codes.reason_code,
        coalesce(nullif(all_codes.reason_codes, ''), reason_codes.reason_code)
            as reason_codes,
        nullif(concat_ws(
            '|',
            nullif(parts_normalised.warnings, ''),
            case when all_codes.is_brand_changed then 'BRAND_CHANGED' end,
            case
                when all_codes.is_certification_changed then 'CERTIFICATION_CHANGED'
            end,
            case when all_codes.is_gtin_shared then 'GTIN_SHARED' end,
            case when all_codes.is_partslink_shared then 'PARTSLINK_SHARED' end,
            case when all_codes.is_sku_alike then 'SKU_ALIKE' end
        ), '') as warnings,

        ---------- the values of the feed
        all_codes.location_code,
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
        all_codes.saleable_quantity,
        parts_normalised.list_price,
        parts_normalised.sell_price,
        parts_normalised.core_charge,
        parts_normalised.weight_lb,
        date_trunc('second', all_codes._extracted_at) as updated_at,

        ---------- what the partner last had
        all_codes.last_part_type,
        all_codes.last_sell_price,
        all_codes.last_delivered_at,

        ---------- the values of the source
        all_codes.on_hand_raw,
        all_codes.available_raw,
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
        all_codes._extract_run_id

    from all_codes
    left join parts_normalised
        on all_codes.item_id = parts_normalised.item_id
    left join reason_codes
        on
            coalesce(
                nullif(split_part(all_codes.reason_codes, '|', 1), ''),
                'OK_' || parts_normalised.part_type
            ) = reason_codes.reason_code

)

select * from final
