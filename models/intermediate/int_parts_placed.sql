-- Every item at every location. An item without a stock row is a row too, and so is a
-- stock row of an item that was not extracted: nothing may vanish silently.

with

parts_offered as (

    select * from {{ ref('int_parts_offered') }}

),

stock_located as (

    select * from {{ ref('int_stock_located') }}

),

final as (

    select
        coalesce(stock_located.item_id, parts_offered.item_id) as item_id,
        coalesce(parts_offered.item_name, stock_located.item_name) as item_name,
        parts_offered.item_id is not null as is_item_known,
        stock_located._extract_run_id is not null as has_stock_row,
        parts_offered.is_active,
        parts_offered.is_stock_item,
        parts_offered.is_protected,
        parts_offered.is_type_offered,
        stock_located.stock_row_id,
        stock_located.location_id,
        stock_located.location_name,
        stock_located.location_code,
        stock_located.is_location_open,
        stock_located.on_hand_raw,
        stock_located.available_raw,
        stock_located.on_hand_quantity,
        stock_located.available_quantity,
        stock_located.saleable_quantity,
        stock_located.is_kept_back,
        coalesce(stock_located._extract_run_id, parts_offered._extract_run_id)
            as _extract_run_id,
        coalesce(stock_located._extracted_at, parts_offered._extracted_at)
            as _extracted_at

    from parts_offered
    full outer join stock_located
        on parts_offered.item_id = stock_located.item_id

)

select * from final
