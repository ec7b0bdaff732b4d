-- What the partner last had of each key, whatever became of its row since, and the
-- values that a person confirmed. A row without a location has what it last had of the
-- part anywhere: a key that is new to the partner is compared with that.

with

inventory_published as (

    select
        location_code,
        supplier_sku,
        part_type,
        certification,
        brand,
        sell_price,
        _delivered_at as delivered_at

    from {{ ref('stg_published__inventory_feed') }}
    where supplier_code = '{{ var("supplier_code") }}'

),

confirmations as (

    select * from {{ ref('stg_published__confirmations') }}

),

keys_confirmed as (

    select
        {{ json_text('key', 'location_code') }} as location_code,
        {{ json_text('key', 'supplier_sku') }} as supplier_sku,
        column_name,
        value -- noqa: RF04

    from confirmations
    where
        feed = 'onpart_inventory'
        and {{ json_text('key', 'supplier_code') }} = '{{ var("supplier_code") }}'

),

confirmed as (

    select
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
        location_code,
        supplier_sku

),

ranked as (

    select
        *,
        row_number() over (
            partition by supplier_sku
            order by delivered_at desc nulls last, location_code asc
        ) as place

    from inventory_published

),

-- A part has one price and one type at all locations.
anywhere as (

    select *
    from ranked
    where place = 1

),

keys_known as (

    select
        inventory_published.*,
        confirmed.part_type as confirmed_part_type,
        confirmed.sell_price as confirmed_sell_price

    from inventory_published
    left join confirmed
        on
            inventory_published.location_code = confirmed.location_code
            and inventory_published.supplier_sku = confirmed.supplier_sku

),

-- A confirmed value of a key that the partner does not have yet.
keys_awaited as (

    select
        confirmed.*,
        inventory_published.supplier_sku is not null as is_known

    from confirmed
    left join inventory_published
        on
            confirmed.location_code = inventory_published.location_code
            and confirmed.supplier_sku = inventory_published.supplier_sku

),

final as (

    select
        location_code,
        supplier_sku,
        part_type,
        certification,
        brand,
        sell_price,
        delivered_at,
        confirmed_part_type,
        confirmed_sell_price

    from keys_known

    union all

    select
        keys_awaited.location_code,
        anywhere.supplier_sku,
        anywhere.part_type,
        anywhere.certification,
        anywhere.brand,
        anywhere.sell_price,
        anywhere.delivered_at,
        keys_awaited.part_type as confirmed_part_type,
        keys_awaited.sell_price as confirmed_sell_price

    from keys_awaited
    inner join anywhere
        on keys_awaited.supplier_sku = anywhere.supplier_sku
    where not keys_awaited.is_known

    union all

    select
        null as location_code,
        supplier_sku,
        part_type,
        certification,
        brand,
        sell_price,
        delivered_at,
        null as confirmed_part_type,
        null as confirmed_sell_price

    from anywhere

)

select * from final
