with

orders_classified as (

    select * from {{ ref('int_orders_classified') }}

),

-- The lists of an order travel only where a person has to look at them.
questioned as (

    select
        *,
        status = 'REVIEW' or warnings is not null as is_in_question

    from orders_classified

),

final as (

    select
        ---------- the order and its decision
        order_id,
        sis_term_id,
        status,
        output,
        reason_code,
        reason_codes,
        warnings,

        ---------- what the feed says, or would say
        section_count * (item_count + request_count) as rows,
        section_count as sections,
        item_count as items,
        request_count as requests,
        order_created,
        order_updated,
        is_deleted,
        is_royalty,

        ---------- what the source said
        created_at_raw,
        updated_at_raw,
        canceled_at_raw,
        case when is_in_question then cast(sections as varchar) end as sections_raw,
        case when is_in_question then cast(catalog_items as varchar) end
            as catalog_items_raw,
        case when is_in_question then cast(content_requests as varchar) end
            as content_requests_raw,
        date_trunc('second', _extracted_at) as read_at,
        _extract_run_id as extract_run_id

    from questioned

)

select * from final
