{#
    A version of order_feed: every order that can be shown, in the columns of a layout.

    layout: its number. condition: SQL over int_order_rows, where a layout cannot hold
    every row.
#}
{% macro order_feed_in_layout(layout, condition='') -%}
    {{ config(materialized=table_if_received(layout)) }}

with

order_rows as (

    select * from {{ ref('int_order_rows') }}

),

final as (

    select
        {{ layout_columns('order_feed_v' ~ layout) }}

    from order_rows
    {{ 'where ' ~ condition if condition }}

)

select * from final
{%- endmacro %}


{#
    A version of order_feed_delta: of the same layout of order_feed, every order that
    differs from what was last delivered of its term, whole.

    layout: its number.
#}
{% macro order_feed_delta_in_layout(layout) -%}
    {{ config(materialized=table_if_received(layout)) }}

    {%- set columns = contract_columns('order_feed_v' ~ layout) -%}
    {#- Whatever its term: a reader knows an order by its id. One that moved to another
        term and back is held in both, and nobody can tell which it was told last. -#}
    {%- set key = ['order_id'] %}

with

order_feed as (

    select * from {{ ref('order_feed', v=layout) }}

),

-- Both sides by their own names: a CTE that two others read is kept in memory whole,
-- which took twice the memory and half again as much time.
changed as (

    {{ changed_since_published(
        ref('order_feed', v=layout),
        ref('stg_published__order_feed_v' ~ layout),
        key,
        columns
    ) }}

),

final as (

    select
        {{ columns }}

    from order_feed
    where
        order_feed.order_id in (
            select changed.order_id

            from changed
        )

)

select * from final
{%- endmacro %}
