{#
    An ISO 8601 time as a timestamp in UTC, or null where the text is none: with T or
    a space, with or without seconds and fractions, with Z, an offset, or neither
    (then it is UTC).

    column: the text.
#}
{% macro utc_timestamp(column) -%}
    {{ return(adapter.dispatch('utc_timestamp')(column)) }}
{%- endmacro %}

{% macro default__utc_timestamp(column) -%}
    {%- set zone = '(Z|[+-][0-9]{2}(:?[0-9]{2})?)' -%}
    timezone('UTC', try_cast(case
        -- DuckDB reads no zone behind minutes.
        when {{ matches(column, iso_minute() ~ zone ~ '?$') }}
            then left({{ column }}, 16) || ':00' || substr({{ column }}, 17)
        when {{ matches(column, iso_minute() ~ ':[0-9]{2}([.][0-9]+)?' ~ zone ~ '?$') }}
            then {{ column }}
    end || case when {{ matches(column, zone ~ '$') }} then '' else 'Z' end
    as timestamptz))
{%- endmacro %}

{% macro spark__utc_timestamp(column) -%}
    {%- set rest = '(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$' -%}
    case
        when {{ matches(column, iso_minute() ~ rest) }}
            then try_cast({{ column }} as timestamp)
    end
{%- endmacro %}

{% macro iso_minute() -%}
    ^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}
{%- endmacro %}


{#
    A date written YYYY-MM-DD, or null where the text is none.

    column: the text.
#}
{% macro iso_date(column) -%}
    case
        when {{ matches(column, '^[0-9]{4}-[0-9]{2}-[0-9]{2}$') }}
            then try_cast({{ column }} as date)
    end
{%- endmacro %}


{#
    A text, or null where it is blank: a blank says no more than nothing does.

    column: the text.
#}
{% macro present(column) -%}
    case when trim({{ column }}) <> '' then {{ column }} end
{%- endmacro %}


{#
    Does a text hold a character that does not print: a line break, a tab, a NUL?

    column: the text.
#}
{% macro has_control_character(column) -%}
    {{ return(adapter.dispatch('has_control_character')(column)) }}
{%- endmacro %}

{% macro default__has_control_character(column) -%}
    coalesce(regexp_matches({{ column }}, '[\x00-\x1f\x7f]'), false)
{%- endmacro %}

{% macro spark__has_control_character(column) -%}
    coalesce({{ column }} rlike '[\\x00-\\x1f\\x7f]', false)
{%- endmacro %}


{#
    A JSON list of objects as a list of records, every field as text; null where it
    is not a list.

    column: the JSON. fields: the names of the fields.
#}
{% macro records_of(column, fields) -%}
    {{ return(adapter.dispatch('records_of')(column, fields)) }}
{%- endmacro %}

{% macro default__records_of(column, fields) -%}
    {%- set shape = [] -%}
    {%- for field in fields -%}
        {%- do shape.append('"' ~ field ~ '": "VARCHAR"') -%}
    {%- endfor -%}
    from_json({{ column }}, '[{ {{- shape | join(', ') -}} }]')
{%- endmacro %}

{% macro spark__records_of(column, fields) -%}
    from_json({{ column }}, 'array<struct<{{ fields | join(': string, ') }}: string>>')
{%- endmacro %}


{#
    A row per element of a list, as two columns of a select list: the element and
    `position`, counted from 0.

    list: the list. name: what the element is called.
#}
{% macro each_of(list, name) -%}
    {{ return(adapter.dispatch('each_of')(list, name)) }}
{%- endmacro %}

{% macro default__each_of(list, name) -%}
    unnest({{ list }}) as {{ name }},
    generate_subscripts({{ list }}, 1) - 1 as position
{%- endmacro %}

{% macro spark__each_of(list, name) -%}
    posexplode({{ list }}) as (position, {{ name }})
{%- endmacro %}


{#
    Authors as one text, separated by a semicolon, blanks left out, or null. What is
    not a JSON list is one author.

    column: the JSON text.
#}
{% macro authors_joined(column) -%}
    {{ return(adapter.dispatch('authors_joined')(column)) }}
{%- endmacro %}

{% macro default__authors_joined(column) -%}
    nullif(array_to_string(list_filter(
        {{ authors_listed(column) }}, lambda author: trim(author) <> ''
    ), ';'), '')
{%- endmacro %}

{% macro spark__authors_joined(column) -%}
    nullif(array_join(filter(
        {{ authors_listed(column) }}, author -> trim(author) <> ''
    ), ';'), '')
{%- endmacro %}


{#
    The authors of a JSON text as a list. What is not a JSON list is one author.

    column: the JSON text.
#}
{% macro authors_listed(column) -%}
    {{ return(adapter.dispatch('authors_listed')(column)) }}
{%- endmacro %}

{% macro default__authors_listed(column) -%}
    case
        when left({{ column }}, 1) = '[' and json_valid({{ column }})
            then from_json({{ column }}, '["VARCHAR"]')
        else [{{ column }}]
    end
{%- endmacro %}

{% macro spark__authors_listed(column) -%}
    case
        when left({{ column }}, 1) = '[' then from_json({{ column }}, 'array<string>')
        else array({{ column }})
    end
{%- endmacro %}


{#
    Does a condition hold for any of several columns? False where all are null.

    columns: their names. condition: SQL in which @ stands for the name.
#}
{% macro any_of(columns, condition) -%}
    {%- set asked = [] -%}
    {%- for column in columns -%}
        {%- do asked.append(condition | replace('@', column)) -%}
    {%- endfor -%}
    coalesce({{ asked | join(' or ') }}, false)
{%- endmacro %}


{#
    The columns of an item that hold free text.
#}
{% macro order_texts() -%}
    {{ return([
        'sis_content_id', 'content_id', 'ci_author', 'ci_title', 'cr_title', 'cr_isbn',
        'ci_searchable_isbn', 'ci_sis_publisher_id', 'ci_publisher_name', 'ci_edition',
    ]) }}
{%- endmacro %}


{#
    The columns of an item that hold a price; the text of each is in <name>_raw.
#}
{% macro order_prices() -%}
    {{ return([
        'ci_offer_price_original', 'ci_offer_price', 'ci_print_list_price_original',
        'ci_print_list_price', 'ci_student_price_original', 'ci_student_price',
    ]) }}
{%- endmacro %}


{#
    Is a JSON text a list, or absent?

    column: the JSON.
#}
{% macro is_list(column) -%}
    ({{ column }} is null or left(cast({{ column }} as varchar), 1) = '[')
{%- endmacro %}


{#
    Was something written, and nothing read from it?

    column: what was read; the text stands in <column>_raw.
#}
{% macro is_unread(column) -%}
    ({{ column }} is null and {{ present(column ~ '_raw') }} is not null)
{%- endmacro %}


{#
    The columns of a layout as a select list over int_order_rows, in the order of the
    contract. A column that has another name in the newest layout says so in
    `config: {meta: {newest: ...}}`.

    model: the layout's table.
#}
{% macro layout_columns(model) -%}
    {%- if not execute -%}
        *
    {%- else -%}
        {%- set selected = [] -%}
        {%- for column in contract_of(model) -%}
            {%- set newest = column.config.meta.get('newest') -%}
            {%- do selected.append(
                newest ~ ' as ' ~ column.name if newest else column.name
            ) -%}
        {%- endfor -%}
        {{ selected | join(', ') }}
    {%- endif -%}
{%- endmacro %}


{#
    How a layout of the order feed is materialized: a table where somebody receives it,
    as `publish` needs it; else a view, which costs nothing unless read.

    layout: its number.
#}
{% macro table_if_received(layout) -%}
    {{ return('table' if layout in var('order_feed_layouts') else 'view') }}
{%- endmacro %}
