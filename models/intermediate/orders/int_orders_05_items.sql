-- Every item in the columns of the newest layout, and what is wrong with it.

with

catalog_items as (

    select * from {{ ref('int_orders_03_catalog_items') }}

),

content_requests as (

    select * from {{ ref('int_orders_04_content_requests') }}

),

-- A column that only the other kind of item has is null.
listed as (

    {{ items_stacked('catalog_items', 'content_requests') }}

),

typed as (

    select
        *,
        {{ utc_timestamp('cr_created_raw') }} as cr_created,
        case {{ capitals('cr_status_raw') }}
            when 'SUBMITTED' then 'Submitted'
            when 'RESEARCHING' then 'Researching'
            when 'APPROVED' then 'Approved'
            when 'CANCELED' then 'Canceled'
            -- The tool in which requests are made uses this spelling.
            when 'CANCELLED' then 'Canceled'
            when 'DENIED' then 'Denied'
        end as cr_status,
        {{ iso_date('ci_publication_date_raw') }} as ci_publication_date,
        case {{ capitals('ci_delivery_solution_raw') }}
            when 'UNIZIN ENGAGE' then 'Unizin Engage'
            when 'PUBLISHER DLT' then 'Publisher DLT'
        end as ci_delivery_solution,
        {{ number_or_null('ci_offer_price_original_raw') }} as ci_offer_price_original,
        {{ number_or_null('ci_offer_price_raw') }} as ci_offer_price,
        {{ number_or_null('ci_print_list_price_original_raw') }}
            as ci_print_list_price_original,
        {{ number_or_null('ci_print_list_price_raw') }} as ci_print_list_price,
        {{ number_or_null('ci_student_price_original_raw') }}
            as ci_student_price_original,
        {{ number_or_null('ci_student_price_raw') }} as ci_student_price

    from listed

),

final as (

    select
        ---------- the item
        order_id,
        order_item_type,
        position,
        sis_content_id,
        content_id,
        ci_author,
        ci_title,
        {{ truncated_to('minute', 'cr_created') }} as cr_created,
        cr_title,
        cr_isbn,
        cr_status,
        ci_searchable_isbn,
        ci_publication_date,
        ci_delivery_solution,
        ci_sis_publisher_id,
        ci_publisher_name,
        ci_edition,
        {{ money('ci_offer_price_original') }} as ci_offer_price_original,
        {{ money('ci_offer_price') }} as ci_offer_price,
        {{ money('ci_print_list_price_original') }} as ci_print_list_price_original,
        {{ money('ci_print_list_price') }} as ci_print_list_price,
        {{ money('ci_student_price_original') }} as ci_student_price_original,
        {{ money('ci_student_price') }} as ci_student_price,

        ---------- what is wrong with it
        coalesce(content_id, ci_title, ci_searchable_isbn) is null
        and coalesce(cr_created_raw, cr_title, cr_isbn, cr_status_raw) is null
            as is_empty,
        {{ any_of(order_texts(), is_json('@')) }}
        or {{ has_json_author('author_raw') }} as is_text_unread,
        {{ is_unread('cr_created') }} as is_time_unread,
        {{ is_unread('cr_status') }} as is_status_unknown,
        {{ is_unread('ci_delivery_solution') }} as is_delivery_unknown,
        {{ any_of(order_prices(), is_unread('@')) }} as is_price_unread,
        {{ any_of(order_prices(), '@ < 0') }} as is_price_negative,
        order_item_type = 'catalog_item' and content_id is null as is_content_unnamed,
        order_item_type = 'content_request'
        and (
            {{ present('cr_created_raw') }} is null
            or {{ present('cr_status_raw') }} is null
        ) as is_request_incomplete,

        ---------- what the layout cannot express
        {{ any_of(order_texts(), "@ = 'null'") }} as has_null_text,
        {{ any_of(order_texts(), has_control_character('@')) }}
            as has_control_character,
        {{ any_of(order_texts(), 'contains(@, chr(13))') }} as has_carriage_return,
        coalesce(author_raw like '%;%', false) as has_author_separator,
        {{ is_unread('ci_publication_date') }} as is_date_unread,
        {{ any_of(order_prices(), '@ <> ' ~ money('@')) }} as is_price_rounded

    from typed

)

select * from final
