{#
    A table of a source as `extract` landed it, or no rows if nothing was landed. A
    company may use only one of the sources, and its build works.

    The columns and types are the ones that the source declares. Other columns of the
    file follow them.

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
    The rows of Parquet files, or no rows if there is no file (DuckDB fails on a pattern
    without a match). Columns are matched by name, so that an older file is still read
    after the declaration gained a column.

    relation: a source with an external location. columns: names and data types.
#}
{% macro rows_or_none(relation, columns) -%}
    {%- set pattern = relation.render() | replace("'", '') -%}
    {%- set files = run_query("select 1 from glob('" ~ pattern ~ "')") -%}
    {{ no_rows(columns) }}
    {%- if files.rows | length > 0 %}
    union all by name
    select * from {{ relation }}
    {%- endif -%}
{%- endmacro %}


{#
    A query without rows: the columns in their types, to which files are added by name.

    columns: names and data types.
#}
{% macro no_rows(columns) -%}
    {%- set typed = [] -%}
    {%- for column in columns -%}
        {%- do typed.append(
            'cast(null as ' ~ column.data_type ~ ') as ' ~ column.name
        ) -%}
    {%- endfor -%}
    select {{ typed | join(', ') }} where false
{%- endmacro %}
