-- Items, stock and locations come from one extract run, and the audit was built from
-- that run. Stock from two runs would mix two days.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

stock_by_location as (

    select * from {{ ref('stg_ordertime__stock_by_location') }}

),

locations as (

    select * from {{ ref('stg_ordertime__locations') }}

),

item_groups as (

    select * from {{ ref('stg_ordertime__item_groups') }}

),

manufacturers as (

    select * from {{ ref('stg_ordertime__manufacturers') }}

),

inventory_audit as (

    select * from {{ ref('inventory_audit') }}

),

runs as (

    select _extract_run_id as extract_run_id from part_items
    union
    select _extract_run_id as extract_run_id from stock_by_location
    union
    select _extract_run_id as extract_run_id from locations
    union
    select _extract_run_id as extract_run_id from item_groups
    union
    select _extract_run_id as extract_run_id from manufacturers
    union
    select extract_run_id from inventory_audit

)

select
    count(*) as runs,
    string_agg(extract_run_id, ', ') as extract_run_ids

from runs
having count(*) > 1
