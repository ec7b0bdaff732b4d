{#
    What the partner holds of a mart: the rows `publish` kept after the last
    delivery, or no row before the first one. The columns and types are those of the
    mart's contract.

    model: the mart's table (inventory_feed, order_feed_v2), which is also the name of
    its `published` source.
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
    The same with the columns of the mart's contract and no others, in their order: what
    a staging model of a delivered state says.

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
    The columns of a mart, as its contract declares them. Only known once dbt runs.

    model: the mart's table: a version of a model has one of its own (order_feed_v2).
#}
{% macro contract_of(model) -%}
    {%- set marts = graph.nodes.values()
        | selectattr('resource_type', 'equalto', 'model')
        | selectattr('alias', 'equalto', model) | list -%}
    {{ return(marts[0].columns.values() | list) }}
{%- endmacro %}


{#
    The names of a mart's columns, in the order of its contract, as a select list.

    model: the mart's table.
#}
{% macro contract_columns(model) -%}
    {{ contract_of(model) | map(attribute='name') | join(', ') if execute else '*' }}
{%- endmacro %}


{#
    What the exposures deliver, as rows of (exposure, model, materialized): the model
    of each file and the model whose rows the partner holds. Only known once dbt runs.
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
