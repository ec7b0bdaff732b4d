-- How many items are on each order, and what is wrong with any of them.

with

order_items as (

    select * from {{ ref('int_orders_05_items') }}

),

contents_repeated as (

    select
        order_id,
        content_id

    from order_items
    where content_id is not null
    group by
        order_id,
        content_id
    having count(*) > 1

),

orders_repeating as (

    select distinct order_id from contents_repeated

),

items_summed as (

    select
        order_id,
        count(*) filter (where order_item_type = 'catalog_item') as item_count,
        count(*) filter (where order_item_type = 'content_request') as request_count,
        bool_or(is_empty) as has_empty_item,
        bool_or(is_text_unread) as has_unread_text,
        bool_or(is_time_unread) as has_unread_time,
        bool_or(is_status_unknown) as has_unknown_status,
        bool_or(is_delivery_unknown) as has_unknown_delivery,
        bool_or(is_price_unread) as has_unread_price,
        bool_or(is_price_negative) as has_negative_price,
        bool_or(is_content_unnamed) as has_unnamed_content,
        bool_or(is_request_incomplete) as has_incomplete_request,
        bool_or(has_null_text) as has_null_text,
        bool_or(has_control_character) as has_control_character,
        bool_or(has_carriage_return) as has_carriage_return,
        bool_or(has_author_separator) as has_author_separator,
        bool_or(is_date_unread) as has_unread_date,
        bool_or(is_price_rounded) as has_rounded_price

    from order_items
    group by order_id

),

final as (

    select
        items_summed.order_id,
        items_summed.item_count,
        items_summed.request_count,
        items_summed.has_empty_item,
        items_summed.has_unread_text,
        items_summed.has_unread_time,
        items_summed.has_unknown_status,
        items_summed.has_unknown_delivery,
        items_summed.has_unread_price,
        items_summed.has_negative_price,
        items_summed.has_unnamed_content,
        items_summed.has_incomplete_request,
        items_summed.has_null_text,
        items_summed.has_control_character,
        items_summed.has_carriage_return,
        items_summed.has_author_separator,
        items_summed.has_unread_date,
        items_summed.has_rounded_price,
        orders_repeating.order_id is not null as has_repeated_content

    from items_summed
    left join orders_repeating
        on items_summed.order_id = orders_repeating.order_id

)

select * from final
