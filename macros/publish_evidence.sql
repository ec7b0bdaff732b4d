{#
    What `publish` wrote, one row per record or document: `record`, which is JSON, or
    null if it cannot be read, and `filename`. No rows if there is no file yet.

    A line that is cut off, a value of another type or bytes that are no text must not
    stop a build. What cannot be read is null.

    table: a table of the source `publish`.
#}
{% macro evidence(table) -%}
    {{ return(adapter.dispatch('evidence')(table)) }}
{%- endmacro %}

{#- `declare_sources` made a table of lines. -#}
{% macro spark__evidence(table) -%}
    select
        case when {{ is_json('value') }} then value end as record,
        cast(null as string) as filename
    from publish.{{ table }}
{%- endmacro %}

{% macro default__evidence(table) -%}
    {%- set pattern = source('publish', table).render() | replace("'", '') -%}
    {%- if is_there(pattern) -%}
        {{ return(adapter.dispatch('json_read')(pattern)) }}
    {%- else -%}
        select cast(null as json) as record, cast(null as string) as filename
        where false
    {%- endif -%}
{%- endmacro %}

{% macro default__json_read(pattern) -%}
    {%- if pattern.endswith('.jsonl') -%}
        select record, filename from read_json(
            '{{ pattern }}', format = 'newline_delimited', records = 'false',
            columns = {record: 'JSON'}, ignore_errors = true, filename = true
        )
    {%- else -%}
        select try_cast(try(decode(content)) as json) as record, filename
        from read_blob('{{ pattern }}')
        {#- DuckDB takes a pattern without a match for no files, so that a view of a
            relative path would have no rows when it is read from another folder. The
            error is in both places: the optimizer drops what cannot be reached. #}
        {%- set expected -%}
            when here.files = 0 then error(
                'expected {{ target.path }}; read this from the folder of the project'
            )
        {%- endset %}
        union all
        select cast(case {{ expected }} end as json), null
        from (select count(*) as files from glob('{{ target.path }}')) as here
        where case {{ expected }} else false end
    {%- endif -%}
{%- endmacro %}


{#
    All rows of every audit.csv: its columns as text, at least the ones in `columns`,
    and `filename`. No rows if there is no file yet.

    columns: names.
#}
{% macro audits(columns) -%}
    {%- set pattern = source('publish', 'audits').render() | replace("'", '') -%}
    {%- set typed = ['cast(null as string) as filename'] -%}
    {%- for column in columns -%}
        {%- do typed.append('cast(null as string) as ' ~ column) -%}
    {%- endfor -%}
    select {{ typed | join(', ') }}
    where false
    {% if is_there(pattern) -%}
        union all by name
        {{ adapter.dispatch('audits_read')(pattern) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__audits_read(pattern) -%}
    select * from read_csv(
        '{{ pattern }}', header = true, all_varchar = true, union_by_name = true,
        delim = ',', quote = '"', escape = '"', filename = true,
        hive_partitioning = false
    )
{%- endmacro %}


{#
    Whether a file matches a pattern now. False while dbt only parses.

    pattern: a glob pattern of DuckDB.
#}
{% macro is_there(pattern) -%}
    {%- if execute -%}
        {%- set files = run_query("select 1 from glob('" ~ pattern ~ "') limit 1") -%}
        {{ return(files.rows | length > 0) }}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}


{#
    The name of a folder above a file.

    column: a path. level: 1 for the folder of the file, 2 for the folder above it.
#}
{% macro folder_of(column, level) -%}
    {{ return(adapter.dispatch('folder_of')(column, level)) }}
{%- endmacro %}

{% macro default__folder_of(column, level) -%}
    split_part({{ column }}, '/', -1 - {{ level }})
{%- endmacro %}
