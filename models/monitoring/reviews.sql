{{ config(enabled=target.type == 'duckdb') }}

-- How long a part at a location, or an order, was in review without a break: from the
-- first run that sent it there to the last one that did.

with

audits as (

    select * from {{ ref('stg_publish__audits') }}

),

runs as (

    select * from {{ ref('runs') }}

),

-- All files of one feed and one time have the same audit: take one of them.
seen as (

    select
        runs.feed,
        runs.logical_at,
        audits.item_id,
        audits.item_name,
        audits.location_id,
        audits.location_name,
        audits.stock_row_id,
        audits.order_id,
        audits.sis_term_id,
        max(audits.reason_code) as reason_code,
        bool_or(audits.status = 'REVIEW') as is_in_review

    from audits
    inner join runs
        on
            audits.file = runs.file
            and audits.run_id = runs.run_id
    group by
        runs.feed,
        runs.logical_at,
        audits.item_id,
        audits.item_name,
        audits.location_id,
        audits.location_name,
        audits.stock_row_id,
        audits.order_id,
        audits.sis_term_id

),

-- A run with another decision ends a review. The runs between two such runs are one
-- review.
numbered as (

    select
        *,
        count(*) filter (where not is_in_review) over (
            partition by feed, item_id, location_id, stock_row_id, order_id
            order by logical_at
        ) as breaks_before

    from seen

),

newest as (

    select
        feed,
        max(logical_at) as logical_at

    from runs
    where is_package_kept
    group by feed

),

stretches as (

    select
        feed,
        item_id,
        location_id,
        stock_row_id,
        order_id,
        breaks_before,
        max(item_name) as item_name,
        max(location_name) as location_name,
        max(sis_term_id) as sis_term_id,
        max_by(reason_code, logical_at) as reason_code,
        count(*) as run_count,
        min(logical_at) as first_seen_at,
        max(logical_at) as last_seen_at

    from numbered
    where is_in_review
    group by
        feed,
        item_id,
        location_id,
        stock_row_id,
        order_id,
        breaks_before

),

final as (

    select
        stretches.feed,
        stretches.item_id,
        stretches.item_name,
        stretches.location_id,
        stretches.location_name,
        stretches.stock_row_id,
        stretches.order_id,
        stretches.sis_term_id,
        stretches.reason_code,
        stretches.run_count,
        stretches.first_seen_at,
        stretches.last_seen_at,
        {{ days_between('stretches.first_seen_at', 'stretches.last_seen_at') }}
            as day_count,
        stretches.last_seen_at = newest.logical_at as is_open

    from stretches
    inner join newest
        on stretches.feed = newest.feed

)

select * from final
