-- Every stock row, and every item without one, is in the audit exactly as often as in
-- the source. The rows of the source are the rows published, filtered and in review.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

stock_by_location as (

    select * from {{ ref('stg_ordertime__stock_by_location') }}

),

inventory_audit as (

    select * from {{ ref('inventory_audit') }}

),

rows_in as (

    select
        item_id,
        location_id

    from stock_by_location

    union all

    select
        part_items.item_id,
        null as location_id

    from part_items
    left join stock_by_location
        on part_items.item_id = stock_by_location.item_id
    where stock_by_location._extract_run_id is null

),

counted as (

    select
        item_id,
        location_id,
        1 as rows_in,
        0 as rows_out

    from rows_in

    union all

    select
        item_id,
        location_id,
        0 as rows_in,
        1 as rows_out

    from inventory_audit

)

select
    item_id,
    location_id,
    sum(rows_in) as rows_in,
    sum(rows_out) as rows_out

from counted
group by
    item_id,
    location_id
having sum(rows_in) <> sum(rows_out)
