{{ config(enabled=target.type == 'duckdb') }}

-- What each partner has of each file, and how its runs ended.

with

runs as (

    select * from {{ ref('runs') }}

),

holds as (

    select * from {{ ref('holds') }}

),

runs_summed as (

    select
        file,
        max(feed) as feed,
        max(split) as split,
        count(*) as run_count,
        count(*) filter (where outcome = 'delivered') as delivered_count,
        count(*) filter (where outcome = 'failed') as failed_count,
        count(*) filter (where outcome = 'unknown') as unknown_count,
        max(ended_at) filter (where outcome = 'delivered') as last_delivered_at,
        max_by(outcome, run_id) as last_outcome,
        max_by(run_id, ended_at) filter (where outcome = 'delivered')
            as last_delivered_run_id,
        max_by(row_count, ended_at) filter (where outcome = 'delivered')
            as last_delivered_row_count

    from runs
    group by file

),

holds_summed as (

    select
        file,
        count(distinct held_position) as held_count,
        max(held_at) as last_held_at

    from holds
    group by file

),

final as (

    select
        runs_summed.file,
        runs_summed.feed,
        runs_summed.split,
        runs_summed.run_count,
        runs_summed.delivered_count,
        runs_summed.failed_count,
        runs_summed.unknown_count,
        coalesce(holds_summed.held_count, 0) as held_count,
        runs_summed.last_outcome,
        runs_summed.last_delivered_at,
        runs_summed.last_delivered_run_id,
        runs_summed.last_delivered_row_count,
        holds_summed.last_held_at

    from runs_summed
    left join holds_summed
        on runs_summed.file = holds_summed.file

)

select * from final
