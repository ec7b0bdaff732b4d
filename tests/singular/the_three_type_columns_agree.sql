-- Part type, CIECA code and certificate agree. If they did not, shop, insurer and
-- platform would read a row in different ways.

with

inventory_feed as (

    select * from {{ ref('inventory_feed') }}

),

part_types as (

    select * from {{ ref('part_types') }}

)

select
    inventory_feed.supplier_sku,
    inventory_feed.part_type,
    inventory_feed.cieca_part_type,
    inventory_feed.certification

from inventory_feed
left join part_types
    on
        inventory_feed.part_type = part_types.part_type
        and inventory_feed.cieca_part_type = part_types.cieca_part_type
        and inventory_feed.certification = part_types.certification
        and part_types.is_offered
where part_types.part_type is null
