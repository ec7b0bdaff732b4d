with

orders_classified as (

    select * from {{ ref('int_orders_classified') }}

),

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

-- The lists of an order travel only where a person has to look at them.
questioned as (

    select
        orders.order_id,
        cast(orders.sections as varchar) as sections_raw,
        cast(orders.catalog_items as varchar) as catalog_items_raw,
        cast(orders.content_requests as varchar) as content_requests_raw

    from orders_classified
    inner join orders
        on orders_classified.order_id = orders.order_id
    where orders_classified.is_questioned

),

final as (

    select
        ---------- the order and its decision
        orders_classified.order_id,
        orders_classified.sis_term_id,
        orders_classified.status,
        orders_classified.output,
        orders_classified.reason_code,
        orders_classified.reason_codes,
        orders_classified.warnings,

        ---------- what the feed says, or would say
        orders_classified.section_count
        * (orders_classified.item_count + orders_classified.request_count) as rows,
        orders_classified.section_count as sections,
        orders_classified.item_count as items,
        orders_classified.request_count as requests,
        orders_classified.order_created,
        orders_classified.order_updated,
        orders_classified.is_deleted,
        orders_classified.is_royalty,

        ---------- what the source said
        orders_classified.created_at_raw,
        orders_classified.updated_at_raw,
        orders_classified.canceled_at_raw,
        questioned.sections_raw,
        questioned.catalog_items_raw,
        questioned.content_requests_raw,
        date_trunc('second', orders_classified._extracted_at) as read_at,
        orders_classified._extract_run_id as extract_run_id

    from orders_classified
    left join questioned
        on orders_classified.order_id = questioned.order_id

)

select * from final
