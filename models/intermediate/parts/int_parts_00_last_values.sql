-- What the partner last had of each key, whatever became of its row since, and the
-- values that a person confirmed.

with

inventory_published as (

    select * from {{ ref('stg_published__inventory_feed') }}

),

confirmations as (

    select * from {{ ref('stg_published__confirmations') }}

),

keys_confirmed as (

    select
        {{ json_text('key', 'supplier_code') }} as supplier_code,
        {{ json_text('key', 'location_code') }} as location_code,
        {{ json_text('key', 'supplier_sku') }} as supplier_sku,
        column_name,
        value -- noqa: RF04

    from confirmations
    where feed = 'onpart_inventory'

),

confirmed as (

    select
        supplier_code,
        location_code,
        supplier_sku,
        max(case when column_name = 'part_type' then value end) as part_type,
        max(
            case
                when column_name = 'sell_price'
                    then try_cast(value as decimal(18, 2))
            end
        ) as sell_price

    from keys_confirmed
    group by
        supplier_code,
        location_code,
        supplier_sku

),

final as (

    select
        inventory_published.location_code,
        inventory_published.supplier_sku,
        inventory_published.part_type,
        inventory_published.certification,
        inventory_published.brand,
        inventory_published.sell_price,
        inventory_published._delivered_at as delivered_at,
        confirmed.part_type as confirmed_part_type,
        confirmed.sell_price as confirmed_sell_price

    from inventory_published
    left join confirmed
        on
            inventory_published.supplier_code = confirmed.supplier_code
            and inventory_published.location_code = confirmed.location_code
            and inventory_published.supplier_sku = confirmed.supplier_sku
    where inventory_published.supplier_code = '{{ var("supplier_code") }}'

)

select * from final
