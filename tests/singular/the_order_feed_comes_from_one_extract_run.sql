-- Terms and orders come from one extract run, and the audit was built from that run.

with

terms as (

    select * from {{ ref('stg_order_tool__terms') }}

),

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

order_audit as (

    select * from {{ ref('order_audit') }}

),

runs as (

    select _extract_run_id as extract_run_id from terms
    union
    select _extract_run_id as extract_run_id from orders
    union
    select extract_run_id from order_audit

)

select
    count(*) as runs,
    string_agg(extract_run_id, ', ') as extract_run_ids

from runs
having count(*) > 1
