{{ config(enabled=target.type == 'duckdb') }}

-- Every check of every package, with the observed and the allowed figure.

with

gate_results as (

    select * from {{ ref('stg_publish__gates') }}

),

listed as (

    select
        file,
        run_id,
        {{ json_entries('record', 'predicate.checks') }}

    from gate_results

),

final as (

    select
        file,
        run_id,
        position,
        {{ json_text('entry', 'id') }} as check_id,
        {{ json_text('entry', 'gate') }} as gate,
        {{ json_text('entry', 'verdict') }} as verdict,
        {{ json_text('entry', 'observed') }} as observed,
        {{ json_text('entry', 'limit') }} as allowed,
        {{ json_count('entry', 'count') }} as wrong_count,
        {{ json_text('entry', 'says') }} as explanation,
        coalesce({{ json_text('entry', 'hard') }} = 'true', false) as is_hard

    from listed

)

select * from final
