{{ config(materialized=table_if_received(3)) }}

with

order_rows as (

    select * from {{ ref('int_order_rows') }}

),

final as (

    select
        {{ layout_columns('order_feed_v3') }}

    from order_rows

)

select * from final
