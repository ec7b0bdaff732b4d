-- The rows that would reach the feed once repaired, reduced to what tells two of them
-- apart. What is inactive, elsewhere or out of stock repeats nothing.

with

parts_scoped as (

    select * from {{ ref('int_parts_scoped') }}

),

parts_normalised as (

    select * from {{ ref('int_parts_normalised') }}

),

final as (

    select
        parts_scoped.item_id,
        parts_scoped.location_code,
        parts_normalised.supplier_sku,
        parts_normalised.part_type,
        coalesce(upper(parts_normalised.brand), '') as brand_key,
        coalesce(parts_normalised.oem_part_number_key, '') as oem_part_number_key,
        coalesce(parts_normalised.partslink_number, '') as partslink_number

    from parts_scoped
    inner join parts_normalised
        on parts_scoped.item_id = parts_normalised.item_id
    where parts_scoped.is_in_play

)

select * from final
