-- The keys of the feed that more than one row would claim.

with

parts_in_play as (

    select * from {{ ref('int_parts_in_play') }}

),

final as (

    select
        location_code,
        supplier_sku

    from parts_in_play
    group by
        location_code,
        supplier_sku
    having count(*) > 1

)

select * from final
