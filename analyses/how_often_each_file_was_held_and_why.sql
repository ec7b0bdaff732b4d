{{ config(enabled=target.type == 'duckdb') }}

-- How often each file was held, and why. A file that several checks held at the same
-- time counts once for each check.

select
    file,
    check_id,
    count(distinct held_position) as times_held,
    count(released_at) as times_released,
    max(held_at) as last_held_at

from {{ ref('holds') }}
group by
    file,
    check_id
order by
    times_held desc,
    file asc,
    check_id asc
