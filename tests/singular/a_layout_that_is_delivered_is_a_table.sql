-- A file is made from a table: a layout that an exposure delivers is in the variable
-- order_feed_layouts, lest the rows change between the gate and the delivery.
-- depends_on: {{ ref('order_feed', v=2) }}

with

delivered as (

    {{ delivered_models() }}

)

select
    exposure,
    model,
    materialized

from delivered
where materialized <> 'table'
