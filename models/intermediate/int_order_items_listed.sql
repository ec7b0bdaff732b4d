-- The two lists of an order as one: every text as it was read, under the name it has in
-- the newest layout. What only the other kind of item has stays null.

with

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

catalog_items as (

    select
        order_id,
        {{ each_of(records_of('catalog_items', [
            'content_id', 'sis_content_id', 'author', 'title', 'searchable_isbn',
            'publication_date', 'delivery_solution', 'sis_publisher_id',
            'publisher_name', 'edition', 'offer_price', 'offer_price_original',
            'print_list_price', 'print_list_price_original', 'student_price',
            'student_price_original',
        ]), 'item') }}

    from orders

),

content_requests as (

    select
        order_id,
        {{ each_of(records_of('content_requests', [
            'created_at', 'title', 'isbn', 'status',
        ]), 'request') }}

    from orders

),

final as (

    select
        order_id,
        'catalog_item' as order_item_type,
        position,
        {{ present('item.sis_content_id') }} as sis_content_id,
        {{ present('item.content_id') }} as content_id,
        item.author as author_raw,
        {{ authors_joined('item.author') }} as ci_author,
        {{ present('item.title') }} as ci_title,
        null as cr_created_raw,
        null as cr_title,
        null as cr_isbn,
        null as cr_status_raw,
        {{ present('item.searchable_isbn') }} as ci_searchable_isbn,
        {{ present('item.publication_date') }} as ci_publication_date_raw,
        {{ present('item.delivery_solution') }} as ci_delivery_solution_raw,
        {{ present('item.sis_publisher_id') }} as ci_sis_publisher_id,
        {{ present('item.publisher_name') }} as ci_publisher_name,
        {{ present('item.edition') }} as ci_edition,
        {{ present('item.offer_price_original') }} as ci_offer_price_original_raw,
        {{ present('item.offer_price') }} as ci_offer_price_raw,
        {{ present('item.print_list_price_original') }}
            as ci_print_list_price_original_raw,
        {{ present('item.print_list_price') }} as ci_print_list_price_raw,
        {{ present('item.student_price_original') }} as ci_student_price_original_raw,
        {{ present('item.student_price') }} as ci_student_price_raw

    from catalog_items

    union all by name

    select
        order_id,
        'content_request' as order_item_type,
        position,
        {{ present('request.created_at') }} as cr_created_raw,
        {{ present('request.title') }} as cr_title,
        {{ present('request.isbn') }} as cr_isbn,
        {{ present('request.status') }} as cr_status_raw

    from content_requests

)

select * from final
