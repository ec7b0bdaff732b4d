-- Every model that an exposure delivers is a table. The rows of a view could change
-- between the gates and the delivery.
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
