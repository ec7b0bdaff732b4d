-- What is on each order, and what is wrong with it. The next step decides what follows.

with

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

terms as (

    select * from {{ ref('int_orders_01_terms') }}

),

orders_delivered as (

    select * from {{ ref('int_orders_00_delivered') }}

),

item_totals as (

    select * from {{ ref('int_orders_06_item_totals') }}

),

order_sections as (

    select * from {{ ref('int_orders_02_sections') }}

),

sections_summed as (

    select
        order_id,
        count(*) as sections,
        bool_or(sis_section_id is null) as has_unnamed_section,
        bool_or(times_listed > 1) as has_repeated_section,
        bool_or(coalesce(sis_section_id = 'null', false)) as has_null_text,
        bool_or({{ is_json('sis_section_id') }}) as has_unread_text,
        bool_or({{ has_control_character('sis_section_id') }}) as has_control_character,
        bool_or(coalesce(contains(sis_section_id, chr(13)), false))
            as has_carriage_return

    from order_sections
    group by order_id

),

-- Orders that the reader has and the source no longer has, of terms that have files.
orders_vanished as (

    select
        orders_delivered.order_id,
        terms.sis_term_id,
        terms._extract_run_id,
        terms._extracted_at

    from orders_delivered
    inner join terms
        on orders_delivered.term_file_name = terms.term_file_name
    left join orders
        on orders_delivered.order_id = orders.order_id
    where
        orders.order_id is null
        and terms.reason_code is null
        and not terms.is_archived

),

-- Without the lists: the joins below must not carry them.
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
        or {{ is_unread('canceled_at') }} as is_time_unread,
        -- The file has times to the minute.
        coalesce(
            {{ truncated_to('minute', 'updated_at') }}
            < {{ truncated_to('minute', 'created_at') }}, false
        ) as is_updated_before_created,
        false as is_vanished

    from orders

    union all

    select
        order_id,
        sis_term_id,
        null as is_royalty,
        null as created_at_raw,
        null as updated_at_raw,
        null as canceled_at_raw,
        null as created_at,
        null as updated_at,
        null as canceled_at,
        _extract_run_id,
        _extracted_at,
        true as are_lists_read,
        false as is_time_missing,
        false as is_time_unread,
        false as is_updated_before_created,
        true as is_vanished

    from orders_vanished

),

final as (

    select
        orders_read.order_id,
        -- The name of the term's files is what splits the rows into files.
        coalesce(terms.term_file_name, orders_read.sis_term_id) as sis_term_id,
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
        coalesce(item_totals.item_count, 0) as item_count,
        coalesce(item_totals.request_count, 0) as request_count,
        terms.sis_term_id is null as is_term_unknown,
        terms.reason_code as term_code,
        orders_read.is_vanished,
        orders_delivered.order_id is not null as is_delivered,
        orders_read.are_lists_read,
        coalesce(sections_summed.has_unnamed_section, false) as has_unnamed_section,
        coalesce(sections_summed.has_repeated_section, false) as has_repeated_section,
        coalesce(item_totals.has_empty_item, false) as has_empty_item,
        coalesce(item_totals.has_unread_text, false)
        or coalesce(sections_summed.has_unread_text, false) as has_unread_text,
        orders_read.is_time_missing,
        orders_read.is_time_unread
        or coalesce(item_totals.has_unread_time, false) as has_unread_time,
        orders_read.is_updated_before_created,
        coalesce(item_totals.has_unknown_status, false) as has_unknown_status,
        coalesce(item_totals.has_unknown_delivery, false) as has_unknown_delivery,
        coalesce(item_totals.has_unread_price, false) as has_unread_price,
        coalesce(item_totals.has_negative_price, false) as has_negative_price,
        coalesce(item_totals.has_unnamed_content, false) as has_unnamed_content,
        coalesce(item_totals.has_incomplete_request, false) as has_incomplete_request,
        coalesce(item_totals.has_null_text, false)
        or coalesce(sections_summed.has_null_text, false) as has_null_text,
        coalesce(item_totals.has_control_character, false)
        or coalesce(sections_summed.has_control_character, false)
            as has_control_character,
        coalesce(item_totals.has_carriage_return, false)
        or coalesce(sections_summed.has_carriage_return, false) as has_carriage_return,
        coalesce(item_totals.has_author_separator, false) as has_author_separator,
        coalesce(item_totals.has_unread_date, false) as has_unread_date,
        coalesce(item_totals.has_rounded_price, false) as has_rounded_price,
        coalesce(item_totals.has_repeated_content, false) as has_repeated_content

    from orders_read
    left join terms
        on orders_read.sis_term_id = terms.sis_term_id
    left join item_totals
        on orders_read.order_id = item_totals.order_id
    left join sections_summed
        on orders_read.order_id = sections_summed.order_id
    left join orders_delivered
        on orders_read.order_id = orders_delivered.order_id

)

select * from final
