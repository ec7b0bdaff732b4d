{{ config(materialized=table_if_received(1)) }}

-- Layout 1.0 has no content requests: it cannot tell one from a catalog item.

with

order_rows as (

    select * from {{ ref('int_order_rows') }}

),

final as (

    select
        {{ layout_columns('order_feed_v1') }}

    from order_rows
    where order_item_type = 'catalog_item'

)

select * from final
