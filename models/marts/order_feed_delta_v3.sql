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
        {{ contract_columns('order_feed_delta_v3', 'order_feed') }}

    from order_feed
    inner join changed
        on
            order_feed.sis_term_id = changed.sis_term_id
            and order_feed.order_id = changed.order_id

)

select * from final
