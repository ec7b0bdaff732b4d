{{ config(materialized=table_if_received(3)) }}

with

order_feed as (

    select * from {{ ref('order_feed', v=3) }}

),

published as (

    select * from {{ ref('stg_published__order_feed_v3') }}

),

changed as (

    {{ changed_since_published(
        'order_feed', 'published', ['sis_term_id', 'order_id'],
        contract_columns('order_feed_v3')
    ) }}

),

final as (

    select
        {{ contract_columns('order_feed_v3') }}

    from order_feed
    where
        (order_feed.sis_term_id, order_feed.order_id) in (
            select
                changed.sis_term_id,
                changed.order_id

            from changed
        )

)

select * from final
