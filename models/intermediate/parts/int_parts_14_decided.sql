-- The decision about each row. The first code that fires decides, and all codes are
-- kept as the reasons. A row without a code is offered.

with

all_codes as (

    select * from {{ ref('int_parts_13_all_codes') }}

),

reason_codes as (

    select * from {{ ref('reason_codes') }}

),

final as (

    select
        all_codes.item_id,
        all_codes.stock_item_name,
        all_codes.stock_row_id,
        all_codes.location_id,
        all_codes.location_name,
        all_codes.location_code,
        all_codes.on_hand_raw,
        all_codes.available_raw,
        all_codes.saleable_quantity,
        all_codes._extract_run_id,
        all_codes._extracted_at,
        all_codes.is_gtin_shared,
        all_codes.is_partslink_shared,
        all_codes.is_sku_alike,
        all_codes.is_brand_changed,
        all_codes.is_certification_changed,
        all_codes.last_part_type,
        all_codes.last_sell_price,
        all_codes.last_delivered_at,
        reason_codes.status,
        reason_codes.output,
        reason_codes.reason_code,
        coalesce(nullif(all_codes.reason_codes, ''), reason_codes.reason_code)
            as reason_codes

    from all_codes
    left join reason_codes
        on
            coalesce(
                nullif(split_part(all_codes.reason_codes, '|', 1), ''),
                'OK_' || all_codes.part_type
            ) = reason_codes.reason_code

)

select * from final
