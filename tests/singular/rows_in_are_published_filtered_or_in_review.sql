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

totals as (

    select
        (select count(*) from stock_by_location)
        + (
            select count(*) from part_items
            where
                item_id not in (
                    select stock_by_location.item_id from stock_by_location
                    where stock_by_location.item_id is not null
                )
        ) as rows_in,
        (select count(*) from inventory_feed) as rows_published,
        (select count(*) from inventory_audit where status = 'FILTERED')
            as rows_filtered,
        (select count(*) from inventory_audit where status = 'REVIEW')
            as rows_in_review

)

select * from totals
where rows_in <> rows_published + rows_filtered + rows_in_review
