-- Every item at every location. An item without a stock row gets a row, and so does a
-- stock row of an item that was not extracted: no row may be lost.

with

parts_normalised as (

    select * from {{ ref('int_parts_06_normalised') }}

),

protected_parts as (

    select distinct {{ list_key('supplier_sku') }} as sku_key

    from {{ ref('protected_parts') }}
    where coalesce(is_protected, true)

),

parts_located as (

    select * from {{ ref('int_parts_09_located') }}

),

-- Whether an item is of a kind that we offer, at any location.
parts_offered as (

    select
        parts_normalised.item_id,
        parts_normalised.item_name,
        coalesce(parts_normalised.is_active, false) as is_active,
        -- The list that was read is the one of part items, so an absent type is 101.
        coalesce(parts_normalised.item_type_id = 101, true)
        and parts_normalised.is_group_offered as is_stock_item,
        protected_parts.sku_key is not null as is_protected,
        -- An unknown type passes here. A later rule sends it to review.
        coalesce(parts_normalised.is_type_offered, true) as is_type_offered,
        parts_normalised._extract_run_id,
        parts_normalised._extracted_at

    from parts_normalised
    left join protected_parts
        on {{ list_key('parts_normalised.item_name') }} = protected_parts.sku_key

),

final as (

    select
        coalesce(parts_located.item_id, parts_offered.item_id) as item_id,
        -- The item has a name, or else the stock row.
        case when parts_offered.item_name is null then parts_located.item_name end
            as stock_item_name,
        parts_offered.item_id is not null as is_item_known,
        parts_located._extract_run_id is not null as has_stock_row,
        parts_offered.is_active,
        parts_offered.is_stock_item,
        parts_offered.is_protected,
        parts_offered.is_type_offered,
        parts_located.stock_row_id,
        parts_located.location_id,
        parts_located.location_name,
        parts_located.location_code,
        parts_located.is_location_open,
        parts_located.on_hand_raw,
        parts_located.available_raw,
        parts_located.on_hand_quantity,
        parts_located.available_quantity,
        parts_located.saleable_quantity,
        parts_located.is_kept_back,
        coalesce(parts_located._extract_run_id, parts_offered._extract_run_id)
            as _extract_run_id,
        coalesce(parts_located._extracted_at, parts_offered._extracted_at)
            as _extracted_at

    from parts_offered
    full outer join parts_located
        on parts_offered.item_id = parts_located.item_id

)

select * from final
