-- What is on an order and what is wrong with it, as plain facts.

with

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

terms as (

    select * from {{ ref('int_order_terms') }}

),

order_items as (

    select * from {{ ref('int_order_items') }}

),

order_sections as (

    select * from {{ ref('int_order_sections') }}

),

items_summed as (

    select
        order_id,
        count(*) as items_and_requests,
        count(*) filter (where order_item_type = 'catalog_item') as items,
        count(distinct content_id) + count(*) filter (where is_content_unnamed)
            as distinct_items,
        bool_or(is_empty) as has_empty_item,
        bool_or(is_time_unread) as has_unread_time,
        bool_or(is_status_unknown) as has_unknown_status,
        bool_or(is_delivery_unknown) as has_unknown_delivery,
        bool_or(is_price_unread) as has_unread_price,
        bool_or(is_price_negative) as has_negative_price,
        bool_or(has_null_text) as has_null_text,
        bool_or(has_control_character) as has_control_character,
        bool_or(has_author_separator) as has_author_separator,
        bool_or(is_date_unread) as has_unread_date,
        bool_or(is_price_rounded) as has_rounded_price,
        bool_or(is_content_unnamed) as has_unnamed_content

    from order_items
    group by order_id

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

final as (

    select
        orders.order_id,
        orders.sis_term_id,
        orders.is_royalty,
        orders.created_at_raw,
        orders.updated_at_raw,
        orders.canceled_at_raw,
        orders.created_at,
        orders.updated_at,
        orders.canceled_at,
        orders._extract_run_id,
        orders._extracted_at,
        coalesce(sections_summed.sections, 0) as section_count,
        coalesce(items_summed.items, 0) as item_count,
        coalesce(items_summed.items_and_requests - items_summed.items, 0)
            as request_count,
        terms.sis_term_id is null as is_term_unknown,
        terms.reason_code as term_code,
        {{ is_list('orders.sections') }}
        and {{ is_list('orders.catalog_items') }}
        and {{ is_list('orders.content_requests') }} as are_lists_read,
        coalesce(sections_summed.has_unnamed_section, false) as has_unnamed_section,
        coalesce(sections_summed.has_repeated_section, false) as has_repeated_section,
        coalesce(items_summed.has_empty_item, false) as has_empty_item,
        {{ present('orders.created_at_raw') }} is null as is_time_missing,
        {{ is_unread('orders.created_at') }}
        or {{ is_unread('orders.updated_at') }}
        or {{ is_unread('orders.canceled_at') }}
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
        coalesce(items_summed.items > items_summed.distinct_items, false)
            as has_repeated_content

    from orders
    left join terms
        on orders.sis_term_id = terms.sis_term_id
    left join items_summed
        on orders.order_id = items_summed.order_id
    left join sections_summed
        on orders.order_id = sections_summed.order_id

)

select * from final
