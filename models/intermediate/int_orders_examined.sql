-- What is on an order and what is wrong with it, as plain facts.

with

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

terms as (

    select * from {{ ref('int_order_terms') }}

),

items_summed as (

    select * from {{ ref('int_order_items_summed') }}

),

order_sections as (

    select * from {{ ref('int_order_sections') }}

),

sections_summed as (

    select
        order_id,
        count(*) as sections,
        bool_or(sis_section_id is null) as has_unnamed_section,
        bool_or(times_listed > 1) as has_repeated_section,
        bool_or(coalesce(sis_section_id = 'null', false)) as has_null_text,
        bool_or({{ has_control_character('sis_section_id') }}) as has_control_character

    from order_sections
    group by order_id

),

-- Here the lists end: no join should carry them.
orders_read as (

    select
        order_id,
        sis_term_id,
        is_royalty,
        created_at_raw,
        updated_at_raw,
        canceled_at_raw,
        created_at,
        updated_at,
        canceled_at,
        _extract_run_id,
        _extracted_at,
        {{ is_list('sections') }}
        and {{ is_list('catalog_items') }}
        and {{ is_list('content_requests') }} as are_lists_read,
        {{ present('created_at_raw') }} is null as is_time_missing,
        {{ is_unread('created_at') }}
        or {{ is_unread('updated_at') }}
        or {{ is_unread('canceled_at') }} as is_time_unread

    from orders

),

final as (

    select
        orders_read.order_id,
        orders_read.sis_term_id,
        orders_read.is_royalty,
        orders_read.created_at_raw,
        orders_read.updated_at_raw,
        orders_read.canceled_at_raw,
        orders_read.created_at,
        orders_read.updated_at,
        orders_read.canceled_at,
        orders_read._extract_run_id,
        orders_read._extracted_at,
        coalesce(sections_summed.sections, 0) as section_count,
        coalesce(items_summed.item_count, 0) as item_count,
        coalesce(items_summed.request_count, 0) as request_count,
        terms.sis_term_id is null as is_term_unknown,
        terms.reason_code as term_code,
        orders_read.are_lists_read,
        coalesce(sections_summed.has_unnamed_section, false) as has_unnamed_section,
        coalesce(sections_summed.has_repeated_section, false) as has_repeated_section,
        coalesce(items_summed.has_empty_item, false) as has_empty_item,
        orders_read.is_time_missing,
        orders_read.is_time_unread
        or coalesce(items_summed.has_unread_time, false) as has_unread_time,
        coalesce(items_summed.has_unknown_status, false) as has_unknown_status,
        coalesce(items_summed.has_unknown_delivery, false) as has_unknown_delivery,
        coalesce(items_summed.has_unread_price, false) as has_unread_price,
        coalesce(items_summed.has_negative_price, false) as has_negative_price,
        coalesce(items_summed.has_null_text, false)
        or coalesce(sections_summed.has_null_text, false) as has_null_text,
        coalesce(items_summed.has_control_character, false)
        or coalesce(sections_summed.has_control_character, false)
            as has_control_character,
        coalesce(items_summed.has_author_separator, false) as has_author_separator,
        coalesce(items_summed.has_unread_date, false) as has_unread_date,
        coalesce(items_summed.has_rounded_price, false) as has_rounded_price,
        coalesce(items_summed.has_unnamed_content, false) as has_unnamed_content,
        coalesce(items_summed.has_repeated_content, false) as has_repeated_content

    from orders_read
    left join terms
        on orders_read.sis_term_id = terms.sis_term_id
    left join items_summed
        on orders_read.order_id = items_summed.order_id
    left join sections_summed
        on orders_read.order_id = sections_summed.order_id

)

select * from final
