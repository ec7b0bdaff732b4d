{{ config(enabled=target.type == 'duckdb') }}

-- How many rows of the source each reason decided, per run.

with

manifests as (

    select * from {{ ref('stg_publish__manifests') }}

),

listed as (

    select
        file,
        run_id,
        {{ utc_timestamp('logical_raw') }} as logical_at,
        {{ json_entries('record', 'run.counts') }}

    from manifests

),

final as (

    select
        file,
        run_id,
        logical_at,
        {{ json_text('entry', 'status') }} as status,
        {{ json_text('entry', 'reason') }} as reason_code,
        {{ json_count('entry', 'rows') }} as row_count

    from listed

)

select * from final
