{{ config(enabled=target.type == 'duckdb') }}

-- Every attempt to deliver a file: which file, when, and how it ended.

with

ledger as (

    select * from {{ ref('stg_publish__ledger') }}

),

intents as (

    select
        *,
        {{ utc_timestamp('at_raw') }} as recorded_at

    from ledger
    where
        event = 'intent'
        and attempt_id is not null
    qualify row_number() over (partition by attempt_id order by position desc) = 1

),

outcomes as (

    select
        *,
        {{ utc_timestamp('at_raw') }} as recorded_at

    from ledger
    where
        event in ('delivered', 'failed', 'unknown')
        and attempt_id is not null
    qualify row_number() over (partition by attempt_id order by position desc) = 1

),

final as (

    select
        intents.attempt_id,
        intents.file,
        intents.run_id,
        intents.feed,
        intents.split,
        intents.destination,
        intents.file_name,
        intents.row_count,
        intents.byte_count,
        intents.sha256,
        {{ utc_timestamp('intents.period_raw') }} as period_at,
        intents.recorded_at as begun_at,
        outcomes.recorded_at as ended_at,
        coalesce(outcomes.event, 'open') as outcome,
        outcomes.explanation,
        outcomes.server,
        outcomes.tls_version

    from intents
    left join outcomes
        on intents.attempt_id = outcomes.attempt_id

)

select * from final
