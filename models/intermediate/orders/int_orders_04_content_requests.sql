-- Content requests as they were read, with the column names of the newest layout.

with

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

listed as (

    {{ records_listed('orders', 'content_requests', 'request', [
        'created_at', 'title', 'isbn', 'status',
    ]) }}

),

final as (

    select
        order_id,
        'content_request' as order_item_type,
        position,
        {{ present('request.created_at') }} as cr_created_raw,
        {{ text_or_null('request.title') }} as cr_title,
        {{ text_or_null('request.isbn') }} as cr_isbn,
        {{ text_or_null('request.status') }} as cr_status_raw

    from listed

)

select * from final
