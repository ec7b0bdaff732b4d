{#
    One list of every order, a row per record: order_id, the record and `position`.

    orders: where the orders are. column: the list. record: what a record is called.
    fields: the names of its fields.
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
