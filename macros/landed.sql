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
    {{ return(adapter.dispatch('rows_or_none')(relation, columns)) }}
{%- endmacro %}

{% macro default__rows_or_none(relation, columns) -%}
    {%- set pattern = relation.render() | replace("'", '') -%}
    {%- set files = run_query("select 1 from glob('" ~ pattern ~ "')") -%}
    {{ no_rows(columns) }}
    {%- if files.rows | length > 0 %}
    union all by name
    select * from {{ relation }}
    {%- endif -%}
{%- endmacro %}

{#- `declare_sources` made a table of these columns. -#}
{% macro spark__rows_or_none(relation, columns) -%}
    select * from {{ relation }}
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


{#
    Refuse a build of models if nothing at all was landed: `extract` never ran, or
    FEEDS_DATA names another folder. A company may use one source and not another. Then
    the build goes on, and says whose tables are empty. Unit tests, seeds and models
    without a source need nothing landed. Runs before the first node.
#}
{% macro check_landed() -%}
    {%- if execute and is_recorded() and reads_landing() -%}
        {%- set there = [] -%}
        {%- set absent = [] -%}
        {%- for table in graph.sources.values()
            if table.source_name not in ('publish', 'published') -%}
            {%- set found = is_landed(source(table.source_name, table.name)) -%}
            {%- do (there if found else absent).append(table.source_name) -%}
        {%- endfor -%}
        {%- set folder = data_directory() -%}
        {%- if not there -%}
            {{ exceptions.raise_compiler_error(
                "expected a landed source in " ~ folder ~ "/landing/current, found "
                ~ "none. Run `extract`, or set FEEDS_DATA to the data directory that "
                ~ "it wrote to."
            ) }}
        {%- endif -%}
        {%- for name in absent | unique if name not in there -%}
            {%- do log(
                "Nothing of " ~ name ~ " is in " ~ folder
                ~ "/landing/current: its tables have no rows.", info=true
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}

{#
    Whether the file of a source is there now.

    relation: the source.
#}
{% macro is_landed(relation) -%}
    {{ return(adapter.dispatch('is_landed')(relation)) }}
{%- endmacro %}

{% macro default__is_landed(relation) -%}
    {{ return(is_there(relation.render() | replace("'", ''))) }}
{%- endmacro %}

{% macro spark__is_landed(relation) -%}
    {%- set end = '/' ~ relation.schema ~ '/' ~ relation.identifier ~ '.parquet' -%}
    {%- set files = run_query(
        "select 1 from publish.files_of_landing where endswith(path, '" ~ end
        ~ "') limit 1"
    ) -%}
    {{ return(files.rows | length > 0) }}
{%- endmacro %}

{% macro selected_models() -%}
    {%- set models = [] -%}
    {%- for name in selected_resources if name.startswith('model.') -%}
        {%- do models.append(name) -%}
    {%- endfor -%}
    {{ return(models) }}
{%- endmacro %}

{% macro reads_landing() -%}
    {%- for name in selected_models() -%}
        {%- for above in graph.nodes[name].depends_on.nodes
            if above in graph.sources
            and graph.sources[above].source_name not in ('publish', 'published') -%}
            {{ return(true) }}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}


{#
    The data directory: FEEDS_DATA, or by default that of the environment. The target
    spark is one engine for all environments. dbt_project.yml says the same.
#}
{% macro data_directory() -%}
    {%- set environment = target.name | replace(
        'spark', env_var('FEEDS_ENVIRONMENT', '') or 'dev'
    ) -%}
    {{ return(env_var('FEEDS_DATA', '') or 'data/' ~ environment) }}
{%- endmacro %}
