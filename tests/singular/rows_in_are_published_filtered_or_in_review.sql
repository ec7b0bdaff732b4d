-- The sum a person checks first: rows of the source = published + filtered + review,
-- where published is counted in the feed itself.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

stock_by_location as (

    select * from {{ ref('stg_ordertime__stock_by_location') }}

),

inventory_feed as (

    select * from {{ ref('inventory_feed') }}

),

inventory_audit as (

    select * from {{ ref('inventory_audit') }}

),

counted as (

    select
        (select count(*) from inventory_feed) as rows_published,
        count(*) filter (where status = 'FILTERED') as rows_filtered,
        count(*) filter (where status = 'REVIEW') as rows_in_review,
        (select count(*) from stock_by_location)
        + (select count(*) from part_items)
        - (
            select count(distinct part_items.item_id) from part_items
            inner join stock_by_location
                on part_items.item_id = stock_by_location.item_id
        ) as rows_in

    from inventory_audit

)

select *
from counted
where rows_in <> rows_published + rows_filtered + rows_in_review
