with

source as (

    {{ landed('order_tool', 'terms') }}

),

renamed as (

    select
        ---------- ids
        sis_term_id,
        _extract_run_id,

        ---------- strings
        name as term_name,

        ---------- booleans
        is_archived,

        ---------- timestamps, beside the text they were read from
        ordering_opens_at as ordering_opens_at_raw,
        ordering_closes_at as ordering_closes_at_raw,
        {{ utc_timestamp('ordering_opens_at') }} as ordering_opens_at,
        {{ utc_timestamp('ordering_closes_at') }} as ordering_closes_at,
        _extracted_at

    from source

)

select * from renamed
