{#
    What the partner holds of a mart: the rows `publish` kept after the last
    delivery, or no row before the first one, when there is no file to read (DuckDB
    refuses a pattern that matches none).

    The columns and types are those of the mart's contract. Columns are matched by
    name, so a contract that gained a column still reads the file of the day before.

    model: the mart's name, which is also the name of its `published` source.
#}
{% macro published_state(model) -%}
    {%- set state = source('published', model) -%}
    {%- if execute -%}
        {%- set mart = graph.nodes['model.' ~ project_name ~ '.' ~ model] -%}
        {%- set location = state.render() | replace("'", '') -%}
        {%- set files = run_query("select 1 from glob('" ~ location ~ "')") -%}
        select
        {%- for column in mart.columns.values() %}
            cast(null as {{ column.data_type }}) as {{ column.name }}
            {{- ',' if not loop.last }}
        {%- endfor %}
        where false
        {%- if files.rows | length > 0 %}
        union all by name
        select * from {{ state }}
        {%- endif %}
    {%- endif -%}
{%- endmacro %}
