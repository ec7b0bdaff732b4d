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
    {%- if not execute -%}
        select * from {{ state }}
    {%- else -%}
        {%- set mart = graph.nodes['model.' ~ project_name ~ '.' ~ model] -%}
        {%- set pattern = state.render() | replace("'", '') -%}
        {%- set files = run_query("select 1 from glob('" ~ pattern ~ "')") -%}
        {%- set typed = [] -%}
        {%- for column in mart.columns.values() -%}
            {%- do typed.append(
                'cast(null as ' ~ column.data_type ~ ') as ' ~ column.name
            ) -%}
        {%- endfor -%}
        select {{ typed | join(', ') }} where false
        {%- if files.rows | length > 0 %}
        union all by name
        select * from {{ state }}
        {%- endif %}
    {%- endif -%}
{%- endmacro %}
