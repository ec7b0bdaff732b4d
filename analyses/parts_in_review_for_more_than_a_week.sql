{{ config(enabled=target.type == 'duckdb') }}

-- The parts that were in review for more than 7 days, the longest first.

select
    item_name,
    location_name,
    reason_code,
    day_count,
    is_open

from {{ ref('reviews') }}
where
    day_count > 7
    and item_id is not null
order by
    day_count desc,
    item_name asc,
    location_name asc
