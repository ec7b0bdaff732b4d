with

orders_decided as (

    select * from {{ ref('int_orders_08_decided') }}

),

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

-- The lists of an order, only for orders that a person has to look at.
questioned as (

    select
        orders.order_id,
        cast(orders.sections as string) as sections_raw,
        cast(orders.catalog_items as string) as catalog_items_raw,
        cast(orders.content_requests as string) as content_requests_raw

    from orders_decided
    inner join orders
        on orders_decided.order_id = orders.order_id
    where orders_decided.is_questioned

),

final as (

    select
        ---------- the order and its decision
        orders_decided.order_id,
        orders_decided.sis_term_id,
        orders_decided.status,
        orders_decided.output,
        orders_decided.reason_code,
        orders_decided.reason_codes,
        orders_decided.warnings,

        ---------- the values of the feed
        orders_decided.section_count
        * (orders_decided.item_count + orders_decided.request_count) as rows,
        orders_decided.section_count as sections,
        orders_decided.item_count as items,
        orders_decided.request_count as requests,
        orders_decided.order_created,
        orders_decided.order_updated,
        orders_decided.is_deleted,
        orders_decided.is_royalty,

        ---------- the values of the source
        orders_decided.created_at_raw,
        orders_decided.updated_at_raw,
        orders_decided.canceled_at_raw,
        questioned.sections_raw,
        questioned.catalog_items_raw,
        questioned.content_requests_raw,
        {{ truncated_to('second', 'orders_decided._extracted_at') }} as read_at,
        orders_decided._extract_run_id as extract_run_id

    from orders_decided
    left join questioned
        on orders_decided.order_id = questioned.order_id

)

select * from final
