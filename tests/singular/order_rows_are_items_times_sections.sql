-- A delivered order has one row for each of its items and requests in each of its
-- sections, as the audit counts them. Any other order has no rows, but for those that
-- are restated from their last delivery.

with

order_audit as (

    select * from {{ ref('order_audit') }}

),

order_feed as (

    select * from {{ ref('order_feed', v=2) }}

),

counted as (

    select
        order_id,
        count(*) as rows_shown,
        count(distinct sis_section_id) as sections_shown,
        count(*) filter (where order_item_type = 'content_request') as requests_shown

    from order_feed
    group by order_id

)

select
    order_audit.order_id,
    order_audit.status,
    order_audit.rows,
    counted.rows_shown,
    counted.sections_shown,
    counted.requests_shown

from order_audit
full outer join counted
    on order_audit.order_id = counted.order_id
where
    (
        order_audit.status = 'ELIGIBLE'
        and order_audit.output <> 'RESTATE'
        and (
            order_audit.rows is distinct from counted.rows_shown
            or order_audit.rows
            <> order_audit.sections * (order_audit.items + order_audit.requests)
            or order_audit.sections <> counted.sections_shown
            or order_audit.sections * order_audit.requests <> counted.requests_shown
        )
    )
    or (
        order_audit.status is distinct from 'ELIGIBLE'
        and counted.rows_shown is not null
    )
