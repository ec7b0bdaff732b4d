{#
    A JSON list of objects as a list of records with text fields, or null if it is no
    list. A number is the text that the source wrote.

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
    from_json({{ numbers_as_texts(column) }}, '[{ {{- shape | join(', ') -}} }]')
{%- endmacro %}

{% macro spark__records_of(column, fields) -%}
    {#- Element by element: one that is no object would make the whole list null. -#}
    transform(
        case
            when left({{ column }}, 1) = '['
                then from_json({{ numbers_as_texts(column) }}, 'array<string>')
        end,
        element -> from_json(element, 'struct<{{ fields | join(': string, ') }}: string>')
    )
{%- endmacro %}


{#
    JSON with its numbers in quotes. Both engines read a number into a text by way of a
    double, which makes 12.30 into 12.3. Texts stay as they are.

    column: JSON by RFC 8259.
#}
{% macro numbers_as_texts(column) -%}
    {{ return(adapter.dispatch('numbers_as_texts')(column)) }}
{%- endmacro %}

{#- A text is matched as a whole, so that no number is found inside it. -#}
{% macro default__numbers_as_texts(column) -%}
    regexp_replace(
        {{ column }}, '"((?:[^"\\]|\\.)*)"|(-?[0-9][0-9.eE+-]*)', '"\1\2"', 'g'
    )
{%- endmacro %}

{#- Java keeps no way back for *+, which a long text would not fit into. -#}
{% macro spark__numbers_as_texts(column) -%}
    regexp_replace(
        {{ column }},
        '"([^"\\\\]*+(?:\\\\.[^"\\\\]*+)*+)"|(-?[0-9][0-9.eE+-]*)', '"$1$2"'
    )
{%- endmacro %}


{#
    One row per element of a list, as two columns of a select list: the element, and
    `position`, counted from 0.

    list: the list. name: the name of the element's column.
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
    One row per element of a list, in a select list.

    list: the list. name: of the column with the element.
#}
{% macro values_of(list, name) -%}
    {{ return(adapter.dispatch('values_of')(list, name)) }}
{%- endmacro %}

{% macro default__values_of(list, name) -%}
    unnest({{ list }}) as {{ name }}
{%- endmacro %}

{% macro spark__values_of(list, name) -%}
    explode({{ list }}) as {{ name }}
{%- endmacro %}


{#
    Whether a JSON text is a list, or absent.

    column: the JSON.
#}
{% macro is_list(column) -%}
    ({{ column }} is null or left({{ column }}, 1) = '[')
{%- endmacro %}


{#
    Whether a text is an object or a list of JSON: the source sent it in place of a
    text. False if it is null.

    column: the text.
#}
{% macro is_json(column) -%}
    {{ return(adapter.dispatch('is_json')(column)) }}
{%- endmacro %}

{% macro default__is_json(column) -%}
    case
        when {{ column }} like '[%' or {{ column }} like {{ "'{%'" }}
            then {{ is_strict_json(column) }}
        else false
    end
{%- endmacro %}

{% macro spark__is_json(column) -%}
    case
        when left({{ column }}, 1) in ('[', '{') then {{ is_strict_json(column) }}
        else false
    end
{%- endmacro %}


{#
    Whether a text is JSON by RFC 8259: without a comma before a bracket, NaN, Infinity,
    single quotes, or anything behind it. DuckDB accepts the first three, Spark the rest.

    column: the text.
#}
{% macro is_strict_json(column) -%}
    {{ return(adapter.dispatch('is_strict_json')(column)) }}
{%- endmacro %}

{% macro default__is_strict_json(column) -%}
    {#- What is left without the strings. -#}
    {%- set rest = 'regexp_replace(' ~ column
        ~ ", '\"([^\"\\\\]|\\\\.)*\"', '\"\"', 'g')" -%}
    (
        json_valid({{ column }})
        and not regexp_matches({{ rest }}, ',\s*[\]}]|[Nn][Aa][Nn]|[Ii][Nn][Ff]')
    )
{%- endmacro %}

{#- In brackets, so that nothing may follow it. -#}
{% macro spark__is_strict_json(column) -%}
    (try_parse_json('[' || {{ column }} || ']') is not null)
{%- endmacro %}


{#
    The text of a field of JSON, or null if it is blank or the JSON value false.

    column: the field as text.
#}
{% macro text_or_null(column) -%}
    case when {{ trimmed(column) }} not in ('', 'false') then {{ column }} end
{%- endmacro %}


{#
    Authors as one text, separated by semicolons, without those that are no text, or
    null. A text that is no JSON list is one author.

    column: the JSON text.
#}
{% macro authors_joined(column) -%}
    {{ return(adapter.dispatch('authors_joined')(column)) }}
{%- endmacro %}

{% macro default__authors_joined(column) -%}
    nullif(array_to_string(list_filter(
        {{ authors_listed(column) }},
        lambda author: {{ text_or_null('author') }} is not null
    ), ';'), '')
{%- endmacro %}

{% macro spark__authors_joined(column) -%}
    nullif(array_join(filter(
        {{ authors_listed(column) }},
        author -> {{ text_or_null('author') }} is not null
    ), ';'), '')
{%- endmacro %}


{#
    Whether any author of a JSON text is an object or a list. False if it is null.

    column: the JSON text.
#}
{% macro has_json_author(column) -%}
    case
        when contains({{ column }}, '{') or contains(substr({{ column }}, 2), '[')
            then {{ adapter.dispatch('has_json_author')(column) }}
        else false
    end
{%- endmacro %}

{% macro default__has_json_author(column) -%}
    len(list_filter(
        {{ authors_listed(column) }}, lambda author: {{ is_json('author') }}
    )) > 0
{%- endmacro %}

{% macro spark__has_json_author(column) -%}
    exists({{ authors_listed(column) }}, author -> {{ is_json('author') }})
{%- endmacro %}


{#
    The authors of a JSON text as a list. A text that is no JSON list is one author.

    column: the JSON text.
#}
{% macro authors_listed(column) -%}
    {{ return(adapter.dispatch('authors_listed')(column)) }}
{%- endmacro %}

{% macro default__authors_listed(column) -%}
    case
        when left({{ column }}, 1) = '[' and {{ is_strict_json(column) }}
            then from_json({{ numbers_as_texts(column) }}, '["VARCHAR"]')
        else [{{ column }}]
    end
{%- endmacro %}

{% macro spark__authors_listed(column) -%}
    case
        when left({{ column }}, 1) = '[' and {{ is_strict_json(column) }}
            then from_json({{ numbers_as_texts(column) }}, 'array<string>')
        else array({{ column }})
    end
{%- endmacro %}


{#
    A value of a JSON document as text, or null. For texts, whole numbers, true and
    false: an engine may write another number its own way, as numbers_as_texts says.

    column: the JSON. path: names, separated by points. Without it: the whole document.
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
    A whole number of a JSON document, or null if there is none.

    column: the JSON. path: names, separated by points.
#}
{% macro json_count(column, path) -%}
    try_cast({{ json_text(column, path) }} as bigint)
{%- endmacro %}


{#
    A number of a JSON document, or null if there is none.

    column: the JSON. path: names, separated by points.
#}
{% macro json_number(column, path) -%}
    try_cast({{ json_text(column, path) }} as double)
{%- endmacro %}


{#
    The entries of a list in a JSON document, one row each, as two columns of a select
    list: `entry`, a JSON document or a quoted text, and `position`, counted from 0.

    column: the JSON. path: names, separated by points. There is no row if it is no
    list.
#}
{% macro json_entries(column, path) -%}
    {{ return(adapter.dispatch('json_entries')(column, path)) }}
{%- endmacro %}

{% macro default__json_entries(column, path) -%}
    unnest(json_extract({{ column }}, '$.{{ path }}[*]')) as entry,
    generate_subscripts(json_extract({{ column }}, '$.{{ path }}[*]'), 1) - 1
        as position
{%- endmacro %}
