with

source as (

    {{ landed('order_tool', 'orders') }}

),

renamed as (

    select
        ---------- ids
        order_id,
        sis_term_id,
        _extract_run_id,

        ---------- lists
        sections,
        catalog_items,
        content_requests,

        ---------- booleans
        is_royalty,

        ---------- timestamps, beside the text they were read from
        created_at as created_at_raw,
        updated_at as updated_at_raw,
        canceled_at as canceled_at_raw,
        {{ utc_timestamp('created_at') }} as created_at,
        {{ utc_timestamp('updated_at') }} as updated_at,
        {{ utc_timestamp('canceled_at') }} as canceled_at,
        _extracted_at

    from source

)

select * from renamed
