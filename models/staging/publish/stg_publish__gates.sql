{{ config(enabled=target.type == 'duckdb') }}

with

source as (

    {{ evidence('gates') }}

),

renamed as (

    select
        ---------- ids
        {{ folder_of('filename', 2) }} as file,
        {{ folder_of('filename', 1) }} as run_id,

        ---------- strings
        {{ json_text('record', 'predicate.result') }} as gates_result,

        ---------- lists
        record

    from source
    where record is not null

)

select * from renamed
