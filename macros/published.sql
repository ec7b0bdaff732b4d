{#
    What the partner has of a mart: the rows that `publish` stored after the last
    delivery, or no rows before the first one. The columns and types are the ones of the
    mart's contract.

    model: the mart's table (inventory_feed, order_feed_v2). Its source in `published`
    has the same name.
#}
{% macro published_state(model) -%}
    {%- set state = source('published', model) -%}
    {%- if not execute -%}
        select * from {{ state }}
    {%- else -%}
        {{ rows_or_none(state, contract_of(model)) }}
    {%- endif -%}
{%- endmacro %}


{#
    A staging model of what the partner has of a mart: the columns of the mart's
    contract, in their order, and no others.

    model: the mart's table.
#}
{% macro published_rows(model) -%}
with

delivered as (

    {{ published_state(model) }}

),

renamed as (

    select
        {{ contract_columns(model) }}

    from delivered

)

select * from renamed
{%- endmacro %}


{#
    The keys whose rows differ between a feed and the last delivery, by content or by
    number: the keys that a delta must restate. No clock is read, so a failed delivery
    loses nothing, and a second run changes nothing.

    Each row of today counts +1 and each delivered row counts -1, and the hashes of the
    rows are summed with the same sign. A key is unchanged if both sums are zero. This
    reads each side once and keeps no rows. `except all` keeps all of them and took 28
    times as long.

    feed: today's rows. published: the rows that the partner has. key: the columns that
    identify what is restated as a whole. columns: a select list, the same for both.
#}
{% macro changed_since_published(feed, published, key, columns) -%}
    select {{ key | join(', ') }}
    from (
        select {{ key | join(', ') }}, 1 as times, {{ row_hash(columns) }} as row_hash
        from {{ feed }}
        union all
        select {{ key | join(', ') }}, -1 as times, {{ row_hash(columns) }} as row_hash
        from {{ published }}
    ) as counted
    group by {{ key | join(', ') }}
    having sum(times) <> 0 or sum(times * row_hash) <> 0
{%- endmacro %}


{#
    The columns of a mart, as its contract declares them. Only known while dbt runs.

    model: the mart's table. Each version of a model has its own (order_feed_v2).
#}
{% macro contract_of(model) -%}
    {%- set marts = graph.nodes.values()
        | selectattr('resource_type', 'equalto', 'model')
        | selectattr('alias', 'equalto', model) | list -%}
    {{ return(marts[0].columns.values() | list) }}
{%- endmacro %}


{#
    The names of a mart's columns as a select list, in the order of its contract.

    model: the mart's table.
#}
{% macro contract_columns(model) -%}
    {{ contract_of(model) | map(attribute='name') | join(', ') if execute else '*' }}
{%- endmacro %}


{#
    What the exposures deliver, as rows of (exposure, model, materialized): the model of
    each file, and the model whose rows the partner has. Only known while dbt runs.
#}
{% macro delivered_models() -%}
    {%- set rows = [] -%}
    {%- for exposure in (graph.exposures.values() if execute else []) -%}
        {%- set models = [exposure.config.meta.model, exposure.config.meta.state] -%}
        {%- for node in graph.nodes.values() if node.alias in models -%}
            {%- do rows.append(
                [exposure.name, node.alias, node.config.materialized]
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for exposure, model, materialized in rows or [['none', 'none', 'table']] %}
    select
        '{{ exposure }}' as exposure,
        '{{ model }}' as model,
        '{{ materialized }}' as materialized
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
