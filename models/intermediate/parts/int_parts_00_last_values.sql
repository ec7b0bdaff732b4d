-- What partners last had of each key, whatever became of its row since, and the values
-- that a person confirmed. A row without a location has what they last had of the part
-- anywhere: a key that is new to a partner is compared with that.
--
-- If partners have different values, type, certification and brand are lists of them,
-- with CAPA last, and the prices are the greatest and the least.

with

inventory_published as (

    select
        destination,
        location_code,
        supplier_sku,
        part_type,
        certification,
        brand,
        sell_price,
        sell_price as least_sell_price,
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
            partition by destination, supplier_sku
            order by delivered_at desc nulls last, location_code asc
        ) as place

    from inventory_published

),

-- A part has one price and one type at all locations.
anywhere_by_destination as (

    select *
    from ranked
    where place = 1

),

-- From here to by_key there are rows only if partners have different ones.

keys_everywhere as (

    select distinct
        location_code,
        supplier_sku

    from inventory_published
    where {{ is_held_differently('inventory_feed') }}

),

-- The keys that a destination lacks, with what it has of the part elsewhere.
keys_lacking as (

    select
        keys_everywhere.location_code,
        anywhere_by_destination.supplier_sku,
        anywhere_by_destination.part_type,
        anywhere_by_destination.certification,
        anywhere_by_destination.brand,
        anywhere_by_destination.sell_price,
        anywhere_by_destination.delivered_at

    from keys_everywhere
    inner join anywhere_by_destination
        on keys_everywhere.supplier_sku = anywhere_by_destination.supplier_sku
    left join inventory_published
        on
            keys_everywhere.location_code = inventory_published.location_code
            and keys_everywhere.supplier_sku = inventory_published.supplier_sku
            and anywhere_by_destination.destination = inventory_published.destination
    where inventory_published.supplier_sku is null

),

by_destination as (

    select
        location_code,
        supplier_sku,
        part_type,
        certification,
        brand,
        sell_price,
        delivered_at

    from inventory_published
    where {{ is_held_differently('inventory_feed') }}

    union all

    select *
    from keys_lacking

    union all

    select
        null as location_code,
        supplier_sku,
        part_type,
        certification,
        brand,
        sell_price,
        delivered_at

    from anywhere_by_destination
    where {{ is_held_differently('inventory_feed') }}

),

by_key as (

    select
        location_code,
        supplier_sku,
        nullif(
            concat_ws(
                '|',
                {{ values_of_destinations("nullif(part_type, 'CAPA')") }},
                max(case when part_type = 'CAPA' then part_type end)
            ),
            ''
        ) as part_type,
        {{ values_of_destinations('certification') }} as certification,
        {{ values_of_destinations('brand') }} as brand,
        max(sell_price) as sell_price,
        min(sell_price) as least_sell_price,
        max(delivered_at) as delivered_at

    from by_destination
    group by
        location_code,
        supplier_sku

),

last_values as (

    select
        location_code,
        supplier_sku,
        part_type,
        certification,
        brand,
        sell_price,
        least_sell_price,
        delivered_at

    from inventory_published
    where not {{ is_held_differently('inventory_feed') }}

    union all

    select *
    from by_key
    where location_code is not null

),

anywhere as (

    select
        location_code,
        supplier_sku,
        part_type,
        certification,
        brand,
        sell_price,
        least_sell_price,
        delivered_at

    from anywhere_by_destination
    where not {{ is_held_differently('inventory_feed') }}

    union all

    select *
    from by_key
    where location_code is null

),

keys_known as (

    select
        last_values.*,
        confirmed.part_type as confirmed_part_type,
        confirmed.sell_price as confirmed_sell_price

    from last_values
    left join confirmed
        on
            last_values.location_code = confirmed.location_code
            and last_values.supplier_sku = confirmed.supplier_sku

),

-- A confirmed value of a key that the partner does not have yet.
keys_awaited as (

    select
        confirmed.*,
        last_values.supplier_sku is not null as is_known

    from confirmed
    left join last_values
        on
            confirmed.location_code = last_values.location_code
            and confirmed.supplier_sku = last_values.supplier_sku

),

final as (

    select
        location_code,
        supplier_sku,
        part_type,
        certification,
        brand,
        sell_price,
        least_sell_price,
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
        anywhere.least_sell_price,
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
        least_sell_price,
        delivered_at,
        null as confirmed_part_type,
        null as confirmed_sell_price

    from anywhere

)

select * from final
