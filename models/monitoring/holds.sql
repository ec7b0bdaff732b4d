{{ config(enabled=target.type == 'duckdb') }}

-- Every time a file was held, each check that held it, and who released it.

with

ledger as (

    select * from {{ ref('stg_publish__ledger') }}

),

gates as (

    select * from {{ ref('gates') }}

),

held as (

    select
        file,
        feed,
        run_id,
        file_name,
        sha256,
        position as held_position,
        {{ utc_timestamp('at_raw') }} as held_at,
        {{ json_entries('record', 'checks') }}

    from ledger
    where event = 'held'

),

released as (

    select
        file,
        sha256,
        position as released_position,
        {{ utc_timestamp('at_raw') }} as released_at,
        person,
        explanation

    from ledger
    where event = 'approved'

),

final as (

    select
        held.file,
        held.feed,
        held.run_id,
        held.held_position,
        held.held_at,
        held.file_name,
        {{ json_text('held.entry') }} as check_id,
        gates.gate,
        gates.observed,
        gates.allowed,
        gates.explanation as check_explanation,
        released.released_at,
        released.person as released_by,
        released.explanation as released_because

    from held
    left join gates
        on
            held.file = gates.file
            and held.run_id = gates.run_id
            and {{ json_text('held.entry') }} = gates.check_id
    left join released
        on
            held.file = released.file
            and held.sha256 = released.sha256
            and held.held_position < released.released_position
    qualify
        row_number() over (
            partition by held.held_position, held.position
            order by released.released_position
        ) = 1

)

select * from final
