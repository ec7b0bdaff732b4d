{{ config(enabled=target.type == 'duckdb') }}

with

source as (

    {{ evidence('ledger') }}

),

renamed as (

    select
        ---------- ids
        {{ json_text('record', 'attempt') }} as attempt_id,
        {{ json_text('record', 'run_id') }} as run_id,

        ---------- strings
        {{ json_text('record', 'event') }} as event, -- noqa: RF04
        {{ json_text('record', 'feed') }} as feed,
        {{ json_text('record', 'file') }} as file,
        {{ json_text('record', 'split') }} as split,
        {{ json_text('record', 'name') }} as file_name,
        {{ json_text('record', 'destination') }} as destination,
        {{ json_text('record', 'sha256') }} as sha256,
        {{ json_text('record', 'package') }} as package_sha256,
        {{ json_text('record', 'by') }} as person,
        coalesce(
            {{ json_text('record', 'because') }}, {{ json_text('record', 'why') }}
        ) as explanation,
        {{ json_text('record', 'receipt.server') }} as server, -- noqa: RF04
        {{ json_text('record', 'receipt.tls') }} as tls_version,

        ---------- lists
        record,

        ---------- numerics
        row_number() over () as position,
        {{ json_count('record', 'rows') }} as row_count,
        {{ json_count('record', 'bytes') }} as byte_count,
        {{ json_count('record', 'try') }} as try_number,
        {{ json_number('record', 'seconds.render') }} as render_seconds,
        {{ json_number('record', 'seconds.judge') }} as judge_seconds,
        {{ json_number('record', 'seconds.package') }} as package_seconds,
        {{ json_number('record', 'seconds.deliver') }} as deliver_seconds,

        ---------- timestamps
        {{ json_text('record', 'at') }} as at_raw,
        {{ json_text('record', 'logical') }} as logical_raw,
        {{ json_text('record', 'period') }} as period_raw

    from source
    where record is not null

)

select * from renamed
