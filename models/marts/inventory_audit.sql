with

parts_classified as (

    select * from {{ ref('int_parts_classified') }}

),

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

final as (

    select
        ---------- the row and its decision
        parts_classified.item_id,
        parts_classified.item_name,
        parts_classified.location_id,
        parts_classified.location_name,
        parts_classified.stock_row_id,
        parts_classified.status,
        parts_classified.output,
        parts_classified.reason_code,
        parts_classified.reason_codes,
        parts_classified.warnings,

        ---------- what the feed says, or would say
        parts_classified.location_code,
        parts_classified.supplier_sku,
        parts_classified.part_type,
        parts_classified.cieca_part_type,
        parts_classified.certification,
        parts_classified.brand,
        parts_classified.mfr_part_number,
        parts_classified.oem_part_number,
        parts_classified.oem_part_number_key,
        parts_classified.alt_part_numbers,
        parts_classified.partslink_number,
        parts_classified.gtin,
        parts_classified.description,
        parts_classified.part_category,
        parts_classified.vehicle_make,
        parts_classified.vehicle_model,
        parts_classified.year_from,
        parts_classified.year_to,
        parts_classified.saleable_quantity as qty_on_hand,
        parts_classified.list_price,
        parts_classified.sell_price,
        parts_classified.core_charge,
        parts_classified.weight_lb,
        parts_classified.updated_at,

        ---------- what the source said
        parts_classified.on_hand_raw,
        parts_classified.available_raw,
        part_items.part_type_name as part_type_raw,
        part_items.certification_name as certification_raw,
        part_items.item_group_name as item_group_raw,
        part_items.manufacturer_name as manufacturer_raw,
        part_items.manufacturer_part_number as manufacturer_part_number_raw,
        part_items.oem_number as oem_number_raw,
        part_items.alternate_numbers as alternate_numbers_raw,
        part_items.partslink as partslink_raw,
        part_items.upc as upc_raw,
        part_items.description as description_raw,
        part_items.vehicle_make as vehicle_make_raw,
        part_items.vehicle_model as vehicle_model_raw,
        part_items.year_from_raw,
        part_items.year_to_raw,
        part_items.list_price_raw,
        part_items.price_raw,
        part_items.core_charge_raw,
        part_items.weight_raw,
        part_items.od_source as od_source_raw,
        part_items.modified_at as item_modified_at,
        parts_classified._extract_run_id as extract_run_id

    from parts_classified
    left join part_items
        on parts_classified.item_id = part_items.item_id

)

select * from final
