{#
    What `publish` left behind, a row per record or document: `record`, JSON or null
    where it cannot be read, and `filename`. No row where there is no file yet.

    A torn line, a value of another type or bytes that are no text are nobody's reason
    to stop a build: what cannot be read is null.

    table: a table of the source `publish`.
#}
{% macro evidence(table) -%}
    {%- set pattern = source('publish', table).render() | replace("'", '') -%}
    {%- if is_there(pattern) -%}
        {{ return(adapter.dispatch('json_read')(pattern)) }}
    {%- else -%}
        select cast(null as json) as record, cast(null as varchar) as filename
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
    {%- endif -%}
{%- endmacro %}


{#
    Every audit.csv, a row per row of it: its columns as text, those of `columns` at
    least, and `filename`. No row where there is none yet.

    columns: names.
#}
{% macro audits(columns) -%}
    {%- set pattern = source('publish', 'audits').render() | replace("'", '') -%}
    {%- set typed = ['cast(null as varchar) as filename'] -%}
    {%- for column in columns -%}
        {%- do typed.append('cast(null as varchar) as ' ~ column) -%}
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
        delim = ',', quote = '"', escape = '"', filename = true
    )
{%- endmacro %}


{#
    Does a file match a pattern now? Never while dbt only parses.

    pattern: of DuckDB's glob.
#}
{% macro is_there(pattern) -%}
    {%- if execute -%}
        {%- set files = run_query("select 1 from glob('" ~ pattern ~ "') limit 1") -%}
        {{ return(files.rows | length > 0) }}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}


{#
    A value of a JSON document as text, or null.

    column: the JSON. path: names, separated by points; the whole document without it.
#}
{% macro json_text(column, path='') -%}
    {{ return(adapter.dispatch('json_text')(column, path)) }}
{%- endmacro %}

{% macro default__json_text(column, path) -%}
    json_extract_string({{ column }}, '${{ '.' ~ path if path }}')
{%- endmacro %}

{% macro spark__json_text(column, path) -%}
    get_json_object({{ column }}, '${{ '.' ~ path if path }}')
{%- endmacro %}


{#
    A whole number of a JSON document, or null where there is none.

    column: the JSON. path: names, separated by points.
#}
{% macro json_count(column, path) -%}
    try_cast({{ json_text(column, path) }} as bigint)
{%- endmacro %}


{#
    A number of a JSON document, or null where there is none.

    column: the JSON. path: names, separated by points.
#}
{% macro json_number(column, path) -%}
    try_cast({{ json_text(column, path) }} as double)
{%- endmacro %}


{#
    The name of the folder, so many levels above a file.

    column: a path. level: 1 for the folder that the file is in.
#}
{% macro folder_of(column, level) -%}
    {{ return(adapter.dispatch('folder_of')(column, level)) }}
{%- endmacro %}

{% macro default__folder_of(column, level) -%}
    split_part({{ column }}, '/', -1 - {{ level }})
{%- endmacro %}

{% macro spark__folder_of(column, level) -%}
    element_at(split({{ column }}, '/'), -1 - {{ level }})
{%- endmacro %}


{#
    The entries of a list in a JSON document, one row each, as two columns of a select
    list: `entry`, a JSON document or a quoted text, and `position`, counted from 0.

    column: the JSON. path: names, separated by points; of no list there is no row.
#}
{% macro json_entries(column, path) -%}
    {{ return(adapter.dispatch('json_entries')(column, path)) }}
{%- endmacro %}

{% macro default__json_entries(column, path) -%}
    unnest(json_extract({{ column }}, '$.{{ path }}[*]')) as entry,
    generate_subscripts(json_extract({{ column }}, '$.{{ path }}[*]'), 1) - 1
        as position
{%- endmacro %}


{#
    Whole days from one time to a later one.

    earlier, later: timestamps.
#}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    date_sub('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
    timestampdiff(day, {{ earlier }}, {{ later }})
{%- endmacro %}
