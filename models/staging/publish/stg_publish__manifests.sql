{{ config(enabled=target.type == 'duckdb') }}

with

source as (

    {{ evidence('manifests') }}

),

renamed as (

    select
        ---------- ids
        {{ folder_of('filename', 2) }} as file,
        {{ folder_of('filename', 1) }} as run_id,
        {{ json_text('record', 'run.dbt.invocation_id') }} as dbt_invocation_id,

        ---------- strings
        {{ json_text('record', 'run.feed') }} as feed,
        {{ json_text('record', 'run.split') }} as split,
        {{ json_text('record', 'run.environment') }} as environment,
        {{ json_text('record', 'resources[0].path') }} as file_name,
        {{ json_text('record', 'resources[0].hash') }} as file_hash,
        {{ json_text('record', 'run.code_commit') }} as code_commit,
        {{ json_text('record', 'run.previous_package') }} as previous_package_sha256,

        ---------- lists
        record,

        ---------- numerics
        {{ json_count('record', 'resources[0].rows') }} as row_count,
        {{ json_count('record', 'resources[0].bytes') }} as byte_count,

        ---------- timestamps
        {{ json_text('record', 'run.logical_time') }} as logical_raw,
        {{ json_text('record', 'run.dbt.built_at') }} as built_raw

    from source
    where record is not null

)

select * from renamed
