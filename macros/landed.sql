{#
    A table of a source as `extract` landed it, or no row where it landed none: a
    company may use one source and not another, and its build works all the same.

    The columns and types are those that the source declares; what else the file holds
    comes after them.

    source_name: the source. table: its table.
#}
{% macro landed(source_name, table) -%}
    {%- set relation = source(source_name, table) -%}
    {%- if not execute -%}
        select * from {{ relation }}
    {%- else -%}
        {%- set id = ['source', project_name, source_name, table] | join('.') -%}
        {{ rows_or_none(relation, graph.sources[id].columns.values()) }}
    {%- endif -%}
{%- endmacro %}


{#
    The rows of Parquet files, or none where there is no file to read (DuckDB refuses
    a pattern that matches none). Columns are matched by name, so that a file of the
    day before is read under a declaration that gained a column.

    relation: a source with an external location. columns: names and data types.
#}
{% macro rows_or_none(relation, columns) -%}
    {%- set pattern = relation.render() | replace("'", '') -%}
    {%- set files = run_query("select 1 from glob('" ~ pattern ~ "')") -%}
    {%- set typed = [] -%}
    {%- for column in columns -%}
        {%- do typed.append(
            'cast(null as ' ~ column.data_type ~ ') as ' ~ column.name
        ) -%}
    {%- endfor -%}
    select {{ typed | join(', ') }} where false
    {%- if files.rows | length > 0 %}
    union all by name
    select * from {{ relation }}
    {%- endif -%}
{%- endmacro %}
