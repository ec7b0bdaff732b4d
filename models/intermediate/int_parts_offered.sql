-- Whether an item is of the kind we offer at all, wherever it lies.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

parts_typed as (

    select * from {{ ref('int_parts_typed') }}

),

protected_parts as (

    select * from {{ ref('protected_parts') }}

),

final as (

    select
        part_items.item_id,
        part_items.item_name,
        coalesce(part_items.is_active, false) as is_active,
        coalesce(part_items.item_type_id = 101, false)
        and parts_typed.is_group_offered as is_stock_item,
        protected_parts.supplier_sku is not null as is_protected,
        -- A type we do not know is not refused here: it goes to review later.
        coalesce(parts_typed.is_type_offered, true) as is_type_offered,
        part_items._extract_run_id,
        part_items._extracted_at

    from part_items
    inner join parts_typed
        on part_items.item_id = parts_typed.item_id
    left join protected_parts
        on upper(part_items.item_name) = upper(protected_parts.supplier_sku)

)

select * from final
