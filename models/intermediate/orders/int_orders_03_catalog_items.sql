-- Catalog items as they were read, with the column names of the newest layout. The two
-- lists of an order are read in two models. One model for both would need the memory
-- for all of them at once.

with

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

listed as (

    {{ records_listed('orders', 'catalog_items', 'item', [
        'content_id', 'sis_content_id', 'author', 'title', 'searchable_isbn',
        'publication_date', 'delivery_solution', 'sis_publisher_id',
        'publisher_name', 'edition', 'offer_price', 'offer_price_original',
        'print_list_price', 'print_list_price_original', 'student_price',
        'student_price_original',
    ]) }}

),

final as (

    select
        order_id,
        'catalog_item' as order_item_type,
        position,
        {{ text_or_null('item.sis_content_id') }} as sis_content_id,
        {{ text_or_null('item.content_id') }} as content_id,
        item.author as author_raw,
        {{ authors_joined('item.author') }} as ci_author,
        {{ text_or_null('item.title') }} as ci_title,
        {{ text_or_null('item.searchable_isbn') }} as ci_searchable_isbn,
        {{ present('item.publication_date') }} as ci_publication_date_raw,
        {{ text_or_null('item.delivery_solution') }} as ci_delivery_solution_raw,
        {{ text_or_null('item.sis_publisher_id') }} as ci_sis_publisher_id,
        {{ text_or_null('item.publisher_name') }} as ci_publisher_name,
        {{ text_or_null('item.edition') }} as ci_edition,
        {{ present('item.offer_price_original') }} as ci_offer_price_original_raw,
        {{ present('item.offer_price') }} as ci_offer_price_raw,
        {{ present('item.print_list_price_original') }}
            as ci_print_list_price_original_raw,
        {{ present('item.print_list_price') }} as ci_print_list_price_raw,
        {{ present('item.student_price_original') }} as ci_student_price_original_raw,
        {{ present('item.student_price') }} as ci_student_price_raw

    from listed

)

select * from final
