-- Every order of the source is in the audit exactly once, and it is in the feed exactly
-- if the audit says so. No order is lost and none is added. Orders that vanished or
-- were emptied have the rows of their last delivery, and are not compared.

with

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

order_audit as (

    select * from {{ ref('order_audit') }}

),

order_feed as (

    select * from {{ ref('order_feed', v=2) }}

),

counted as (

    select
        order_id,
        1 as times_in,
        0 as times_audited,
        0 as times_eligible,
        0 as times_shown

    from orders

    union all

    select
        order_id,
        0 as times_in,
        1 as times_audited,
        case when status = 'ELIGIBLE' then 1 else 0 end as times_eligible,
        0 as times_shown

    from order_audit

    union all

    select distinct
        order_id,
        0 as times_in,
        0 as times_audited,
        0 as times_eligible,
        1 as times_shown

    from order_feed

),

restated as (

    select order_id

    from order_audit
    where output = 'RESTATE'

)

select
    counted.order_id,
    sum(times_in) as times_in,
    sum(times_audited) as times_audited,
    sum(times_eligible) as times_eligible,
    sum(times_shown) as times_shown

from counted
where counted.order_id not in (select restated.order_id from restated)
group by counted.order_id
having
    sum(times_in) <> 1
    or sum(times_audited) <> 1
    or sum(times_eligible) <> sum(times_shown)
