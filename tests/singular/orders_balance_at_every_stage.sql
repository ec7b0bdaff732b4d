-- Orders landed = orders decided = shown + in review, and items landed = items read.
-- Orders that vanished from the source, or were emptied there, are left out.
-- Both are compared by their number and by a sum of the hashes of their keys. The shown
-- orders are counted in the feed itself.

with

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

orders_decided as (

    select * from {{ ref('int_orders_08_decided') }}

),

order_items as (

    select * from {{ ref('int_orders_05_items') }}

),

order_audit as (

    select * from {{ ref('order_audit') }}

),

order_feed as (

    select * from {{ ref('order_feed', v=2) }}

),

orders_shown as (

    select distinct order_feed.order_id

    from order_feed
    left join order_audit
        on order_feed.order_id = order_audit.order_id
    where order_audit.output is distinct from 'RESTATE'

),

-- The number of items on each order of the source. A value that is no list has none.
items_listed as (

    select
        order_id,
        -- Of the type of a count, on which a hash depends.
        cast(
            coalesce(json_array_length(catalog_items), 0)
            + coalesce(json_array_length(content_requests), 0) as bigint
        ) as items

    from orders

),

items_read as (

    select
        order_id,
        count(*) as items

    from order_items
    group by order_id

),

balance as (

    {{ keys_counted('orders', 'landed', 'orders', 'order_id') }}
    union all
    {{ keys_counted(
        'orders', 'decided', 'orders_decided', 'order_id', 'not is_vanished'
    ) }}
    union all
    {{ keys_counted(
        'orders', 'audited', 'order_audit', 'order_id',
        "reason_code <> 'ORDER_VANISHED'"
    ) }}
    union all
    {{ keys_counted(
        'orders', 'shown or in review', 'order_audit', 'order_id',
        "output in ('PUBLISH', 'AUDIT') or reason_code = 'ORDER_EMPTIED'"
    ) }}
    union all
    {{ keys_counted(
        'shown', 'landed', 'order_audit', 'order_id', "output = 'PUBLISH'"
    ) }}
    union all
    {{ keys_counted('shown', 'in the file', 'orders_shown', 'order_id') }}
    union all
    {{ keys_counted(
        'items', 'landed', 'items_listed', 'order_id, items', 'items > 0'
    ) }}
    union all
    {{ keys_counted('items', 'read', 'items_read', 'order_id, items') }}

)

{{ stages_out_of_balance('balance') }}
