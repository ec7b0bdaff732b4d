-- The values of an order are the same on all its rows.

with

order_feed as (

    select * from {{ ref('order_feed', v=2) }}

)

select order_id

from order_feed
group by order_id
having
    min(sis_term_id) <> max(sis_term_id)
    or min(order_created) <> max(order_created)
    or min(order_updated) <> max(order_updated)
    or min(is_deleted) <> max(is_deleted)
    or min(is_royalty) <> max(is_royalty)
    or count(order_updated) not in (0, count(*))
    or count(is_royalty) not in (0, count(*))
