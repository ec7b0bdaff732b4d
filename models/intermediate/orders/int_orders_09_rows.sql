-- All rows of every order that can be delivered: one row per item and section.

with

orders_decided as (

    select * from {{ ref('int_orders_08_decided') }}

),

order_sections as (

    select * from {{ ref('int_orders_02_sections') }}

),

order_items as (

    select * from {{ ref('int_orders_05_items') }}

),

final as (

    select
        orders_decided.sis_term_id,
        orders_decided.order_id,
        orders_decided.order_created,
        orders_decided.order_updated,
        order_sections.sis_section_id,
        order_items.sis_content_id,
        order_items.content_id,
        orders_decided.is_deleted,
        order_items.order_item_type,
        order_items.ci_author,
        order_items.ci_title,
        order_items.cr_created,
        order_items.cr_title,
        order_items.cr_isbn,
        order_items.cr_status,
        order_items.ci_searchable_isbn,
        order_items.ci_publication_date,
        order_items.ci_delivery_solution,
        order_items.ci_sis_publisher_id,
        order_items.ci_publisher_name,
        order_items.ci_edition,
        order_items.ci_offer_price_original,
        order_items.ci_offer_price,
        order_items.ci_print_list_price_original,
        order_items.ci_print_list_price,
        order_items.ci_student_price_original,
        order_items.ci_student_price,
        orders_decided.is_royalty

    from orders_decided
    inner join order_sections
        on orders_decided.order_id = order_sections.order_id
    inner join order_items
        on orders_decided.order_id = order_items.order_id
    where orders_decided.status = 'ELIGIBLE'

)

select * from final
