-- Whether an item is of the kind we offer at all, wherever it lies.

with

parts_normalised as (

    select * from {{ ref('int_parts_normalised') }}

),

protected_parts as (

    select * from {{ ref('protected_parts') }}

),

final as (

    select
        parts_normalised.item_id,
        parts_normalised.item_name,
        coalesce(parts_normalised.is_active, false) as is_active,
        coalesce(parts_normalised.item_type_id = 101, false)
        and parts_normalised.is_group_offered as is_stock_item,
        protected_parts.supplier_sku is not null as is_protected,
        -- A type we do not know is not refused here: it goes to review later.
        coalesce(parts_normalised.is_type_offered, true) as is_type_offered,
        parts_normalised._extract_run_id,
        parts_normalised._extracted_at

    from parts_normalised
    left join protected_parts
        on
            upper(parts_normalised.item_name)
            = upper(protected_parts.supplier_sku)

)

select * from final
