{#
    One of the lists of every order, one row per record: order_id, the record, and
    `position`.

    orders: the relation with the orders. column: the list. record: the name of the
    record's column. fields: the names of its fields.
#}
{% macro records_listed(orders, column, record, fields) -%}
    select
        order_id,
        {{ each_of('records', record) }}
    from (
        select
            order_id,
            {{ records_of(column, fields) }} as records
        from {{ orders }}
    ) as parsed
{%- endmacro %}


{#
    A version of order_feed: every order that can be delivered, in the columns of a
    layout. An order that vanished or was emptied since its delivery has its last
    delivered rows, with is_deleted true. It is a table if it is the delivered layout, else a view.

    layout: its number. condition: SQL over int_orders_09_rows that removes the rows
    that the layout cannot hold.
#}
{% macro order_feed_in_layout(layout, condition='') -%}
    {{ config(
        materialized='table' if layout == var('order_feed_layout') else 'view'
    ) }}

with

order_rows as (

    select * from {{ ref('int_orders_09_rows') }}

),

orders_decided as (

    select * from {{ ref('int_orders_08_decided') }}

),

published as (

    select * from {{ ref('stg_published__order_feed_v' ~ layout) }}

),

final as (

    select
        {{ layout_columns('order_feed_v' ~ layout) }}

    from order_rows
    {{ 'where ' ~ condition if condition }}

    union all

    select
        {{ contract_columns('order_feed_v' ~ layout, {'is_deleted': 'true'}) }}

    from published
    where
        published.order_id in (
            select orders_decided.order_id

            from orders_decided
            where orders_decided.output = 'RESTATE'
        )

)

select * from final
{%- endmacro %}


{#
    A version of order_feed_delta: every order that differs from the last delivery of
    its term, with all its rows, in the same layout of order_feed. It is a table if it
    is the delivered layout, else a view.

    layout: its number.
#}
{% macro order_feed_delta_in_layout(layout) -%}
    {{ config(
        materialized='table' if layout == var('order_feed_layout') else 'view'
    ) }}

    {%- set columns = contract_columns('order_feed_v' ~ layout) -%}
    {#- Not by term: a reader identifies an order by its id alone. An order that moved
        to another term and back is in the state of both terms, and nobody can tell
        which of them the reader received last. -#}
    {%- set key = ['order_id'] %}

with

order_feed as (

    select * from {{ ref('order_feed', v=layout) }}

),

-- Both sides by their relation and not through a CTE: DuckDB keeps a CTE that two
-- others read in memory as a whole, which took twice the memory and half again as much
-- time.
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


{#
    The columns of a layout as a select list over int_orders_09_rows, in the order of
    the contract. A column that has another name in the newest layout declares it in
    `config: {meta: {newest: ...}}`.

    model: the layout's table.
#}
{% macro layout_columns(model) -%}
    {%- if not execute -%}
        *
    {%- else -%}
        {%- set selected = [] -%}
        {%- for column in contract_of(model) -%}
            {%- set newest = column.config.meta.get('newest') -%}
            {%- do selected.append(
                newest ~ ' as ' ~ column.name if newest else column.name
            ) -%}
        {%- endfor -%}
        {{ selected | join(', ') }}
    {%- endif -%}
{%- endmacro %}


{#
    The columns of an order item that hold free text.
#}
{% macro order_texts() -%}
    {{ return([
        'sis_content_id', 'content_id', 'ci_author', 'ci_title', 'cr_title', 'cr_isbn',
        'ci_searchable_isbn', 'ci_sis_publisher_id', 'ci_publisher_name', 'ci_edition',
    ]) }}
{%- endmacro %}


{#
    The columns of an order item that hold a price. The text of each is in <name>_raw.
#}
{% macro order_prices() -%}
    {{ return([
        'ci_offer_price_original', 'ci_offer_price', 'ci_print_list_price_original',
        'ci_print_list_price', 'ci_student_price_original', 'ci_student_price',
    ]) }}
{%- endmacro %}


{#
    Both kinds of item under each other. What only the other kind has is null.

    catalog_items, content_requests: relations.
#}
{% macro items_stacked(catalog_items, content_requests) -%}
    {%- set shared = ['order_id', 'order_item_type', 'position'] -%}
    {%- set of_items = [
        'sis_content_id', 'content_id', 'author_raw', 'ci_author', 'ci_title',
        'ci_searchable_isbn', 'ci_publication_date_raw', 'ci_delivery_solution_raw',
        'ci_sis_publisher_id', 'ci_publisher_name', 'ci_edition',
    ] -%}
    {%- for price in order_prices() -%}
        {%- do of_items.append(price ~ '_raw') -%}
    {%- endfor -%}
    {%- set of_requests = ['cr_created_raw', 'cr_title', 'cr_isbn', 'cr_status_raw'] -%}
    select
        {{ (shared + of_items) | join(', ') }},
        cast(null as string) as {{ of_requests | join(', cast(null as string) as ') }}
    from {{ catalog_items }}
    union all
    select
        {{ shared | join(', ') }},
        cast(null as string) as {{ of_items | join(', cast(null as string) as ') }},
        {{ of_requests | join(', ') }}
    from {{ content_requests }}
{%- endmacro %}
