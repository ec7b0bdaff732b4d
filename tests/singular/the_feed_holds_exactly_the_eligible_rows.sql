-- The feed has exactly the eligible rows of the audit, with the same quantity and
-- price.

with

inventory_feed as (

    select * from {{ ref('inventory_feed') }}

),

inventory_audit as (

    select * from {{ ref('inventory_audit') }}

),

eligible as (

    select
        location_code,
        supplier_sku,
        part_type,
        qty_on_hand,
        sell_price,
        updated_at

    from inventory_audit
    where status = 'ELIGIBLE'

)

select
    inventory_feed.location_code as feed_location_code,
    inventory_feed.supplier_sku as feed_supplier_sku,
    eligible.location_code as eligible_location_code,
    eligible.supplier_sku as eligible_supplier_sku

from inventory_feed
full outer join eligible
    on
        inventory_feed.location_code = eligible.location_code
        and inventory_feed.supplier_sku = eligible.supplier_sku
        and inventory_feed.part_type = eligible.part_type
        and inventory_feed.qty_on_hand = eligible.qty_on_hand
        and inventory_feed.sell_price = eligible.sell_price
        and inventory_feed.updated_at = eligible.updated_at
where
    inventory_feed.supplier_sku is null
    or eligible.supplier_sku is null
