{#
    Is a text matched, anywhere, by a regular expression? Write patterns that RE2 and
    Java read alike, and without backslashes.

    column: the text. pattern: the expression, without quotes.
#}
{% macro matches(column, pattern) -%}
    {{ return(adapter.dispatch('matches')(column, pattern)) }}
{%- endmacro %}

{% macro default__matches(column, pattern) -%}
    regexp_matches({{ column }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__matches(column, pattern) -%}
    {{ column }} rlike '{{ pattern }}'
{%- endmacro %}


{#
    A text with every match of a regular expression replaced.

    column: the text. pattern: the expression. replacement: what stands instead.
#}
{% macro replaced(column, pattern, replacement='') -%}
    {{ return(adapter.dispatch('replaced')(column, pattern, replacement)) }}
{%- endmacro %}

{% macro default__replaced(column, pattern, replacement) -%}
    regexp_replace({{ column }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro spark__replaced(column, pattern, replacement) -%}
    regexp_replace({{ column }}, '{{ pattern }}', '{{ replacement }}')
{%- endmacro %}


{#
    A text on one line, or null where nothing is left: white space and line breaks
    become one space, characters that do not print (control, zero width) go.

    Most texts are tidy, and telling so is ten times cheaper than tidying.

    column: the text.
#}
{% macro tidied(column) -%}
    case
        when {{ matches(column, '^[!-~]+( [!-~]+)*$') }} then {{ column }}
        else {{ adapter.dispatch('retyped')(column) }}
    end
{%- endmacro %}

{% macro default__retyped(column) -%}
    nullif(trim(regexp_replace(regexp_replace(
        {{ column }}, '[\s\pZ]+', ' ', 'g'), '[\p{Cc}\p{Cf}]+', '', 'g')), '')
{%- endmacro %}

{% macro spark__retyped(column) -%}
    nullif(trim(regexp_replace(regexp_replace(
        {{ column }}, '[\\s\\p{Z}]+', ' '), '[\\p{Cc}\\p{Cf}]+', '')), '')
{%- endmacro %}


{#
    A text of at most `length` characters, cut after the last word that fits, or
    within the word where the first one alone is too long.

    column: a tidied text. length: the longest the partner takes.
#}
{% macro cut_at_word(column, length) -%}
    {%- set start = 'left(' ~ column ~ ', ' ~ length ~ ' + 1)' -%}
    case
        when length({{ column }}) <= {{ length }} then {{ column }}
        else coalesce(
            nullif(trim({{ replaced(start, '[^ ]*$') }}), ''),
            left({{ column }}, {{ length }})
        )
    end
{%- endmacro %}


{#
    Would a spreadsheet run this text as a formula?

    column: the text.
#}
{% macro is_formula(column) -%}
    coalesce(left({{ column }}, 1) in ('=', '+', '-', '@'), false)
{%- endmacro %}


{#
    Is a text longer than the partner takes?

    column: the text. length: the longest it takes.
#}
{% macro is_longer(column, length) -%}
    coalesce(length({{ column }}) > {{ length }}, false)
{%- endmacro %}
