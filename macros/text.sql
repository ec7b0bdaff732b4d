{#
    Whether a regular expression matches anywhere in a text. Use only patterns that RE2
    and Java read in the same way, and no backslashes.

    column: the text. pattern: the expression, without quotes.
#}
{% macro matches(column, pattern) -%}
    {{ return(adapter.dispatch('matches')(column, pattern)) }}
{%- endmacro %}

{% macro default__matches(column, pattern) -%}
    regexp_matches({{ column }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__matches(column, pattern) -%}
    {{ column }} rlike {{ java_pattern(pattern) }}
{%- endmacro %}

{#
    A pattern as Java reads it. There $ also matches before a last line break, and a
    point leaves out more characters than a line feed.

    pattern: the expression, without quotes.
#}
{% macro java_pattern(pattern) -%}
    {{ return("'(?d)" ~ pattern | replace('$', '\\\\z') ~ "'") }}
{%- endmacro %}


{#
    A text with every match of a regular expression replaced.

    column: the text. pattern: the expression. replacement: the new text.
#}
{% macro replaced(column, pattern, replacement='') -%}
    {{ return(adapter.dispatch('replaced')(column, pattern, replacement)) }}
{%- endmacro %}

{% macro default__replaced(column, pattern, replacement) -%}
    regexp_replace({{ column }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro spark__replaced(column, pattern, replacement) -%}
    regexp_replace({{ column }}, {{ java_pattern(pattern) }}, '{{ replacement }}')
{%- endmacro %}


{#
    A text on one line, or null if nothing is left: white space and line breaks become
    one space, and characters that do not print (control, zero width) are removed.

    Most texts are tidy already. To check this is ten times cheaper than to tidy them.

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
        {{ column }}, '[\\t\\n\\f\\r \\p{Z}]+', ' '), '[\\p{Cc}\\p{Cf}\\x{890}\\x{891}\\x{13439}-\\x{1343f}]+',
        '')), '')
{%- endmacro %}


{#
    A text without spaces at its ends, of whatever width they are (Unicode's Zs). Other
    white space stays.

    column: the text.
#}
{% macro trimmed(column) -%}
    {{ return(adapter.dispatch('trimmed')(column)) }}
{%- endmacro %}

{% macro default__trimmed(column) -%}
    trim({{ column }})
{%- endmacro %}

{#- Spark trims U+0020 only. -#}
{% macro spark__trimmed(column) -%}
    trim(both ' \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000' from {{ column }})
{%- endmacro %}


{#
    A text in capitals, letter by letter: a letter whose capital is two letters (ŉ, ﬁ)
    stays, and ß becomes ẞ.

    column: the text.
#}
{% macro capitals(column) -%}
    {{ return(adapter.dispatch('capitals')(column)) }}
{%- endmacro %}

{% macro default__capitals(column) -%}
    upper({{ column }})
{%- endmacro %}

{% macro spark__capitals(column) -%}
    {{ target.schema }}.capitals({{ column }})
{%- endmacro %}


{#
    A text in small letters, letter by letter.

    column: the text.
#}
{% macro small_letters(column) -%}
    {{ return(adapter.dispatch('small_letters')(column)) }}
{%- endmacro %}

{% macro default__small_letters(column) -%}
    lower({{ column }})
{%- endmacro %}

{% macro spark__small_letters(column) -%}
    {{ target.schema }}.small_letters({{ column }})
{%- endmacro %}


{#
    The statement that makes a function of Spark: a text in capitals or in small letters,
    by a table of single letters. Spark's own functions make several letters of some. It
    is no expression, because a view may have 32,700 characters in Spark's own catalog.

    name: of the function. case: upper or lower.
#}
{% macro letters_function(name, case) -%}
    {%- set pairs = [('ß', 'ẞ')] if case == 'upper' else [('İ', 'i')] -%}
    {#- The blocks of Unicode that have letters of both cases. -#}
    {%- set blocks = [
        (0x41, 0x5b), (0x61, 0x7b), (0xb5, 0x590), (0x10a0, 0x1100), (0x13a0, 0x1400),
        (0x1c80, 0x1cc0), (0x1d79, 0x1d8f), (0x1e00, 0x2000), (0x2126, 0x2190),
        (0x24b6, 0x24ea), (0x2c00, 0x2d30), (0xa640, 0xa800), (0xab53, 0xabc0),
        (0xff21, 0xff5b), (0x10400, 0x10600), (0x10c80, 0x10d00), (0x118a0, 0x118e0),
        (0x16e40, 0x16e80), (0x1e900, 0x1e944),
    ] -%}
    {%- for first, end in blocks -%}
        {%- for code in range(first, end) -%}
            {%- set letter = '%c' % code -%}
            {%- set whole = letter | upper if case == 'upper' else letter | lower -%}
            {%- set other = whole if whole | length == 1 else letter | capitalize -%}
            {%- if other | length == 1 and other != letter -%}
                {%- do pairs.append((letter, other)) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    create or replace function {{ target.schema }}.{{ name }}(given string)
    returns string
    return case
        when given rlike '[^\\x00-\\x7f]' then translate(
            given,
            '{{ pairs | map('first') | join }}',
            '{{ pairs | map('last') | join }}'
        )
        else {{ case }}(given)
    end
{%- endmacro %}


{#
    A text, or null if it is blank.

    column: the text.
#}
{% macro present(column) -%}
    case when {{ trimmed(column) }} <> '' then {{ column }} end
{%- endmacro %}


{#
    Whether the source has a text that could not be read as a value.

    column: the value. Its text is in <column>_raw.
#}
{% macro is_unread(column) -%}
    ({{ column }} is null and {{ present(column ~ '_raw') }} is not null)
{%- endmacro %}


{#
    Whether a condition is true for any of several columns. False if all are null.

    columns: their names. condition: SQL in which @ is replaced by the name.
#}
{% macro any_of(columns, condition) -%}
    {%- set conditions = [] -%}
    {%- for column in columns -%}
        {%- do conditions.append(condition | replace('@', column)) -%}
    {%- endfor -%}
    coalesce({{ conditions | join(' or ') }}, false)
{%- endmacro %}


{#
    Whether a condition is true for any of several numbers that are not plain. It is
    false for a plain number, so it is not computed for one.

    columns: names of numbers. The column is_<name>_plain has `is_plain` of each.
    condition: SQL in which @ is replaced by the name.
#}
{% macro any_odd(columns, condition) -%}
    {{ any_of(columns, 'case when is_@_plain then false else ' ~ condition ~ ' end') }}
{%- endmacro %}


{#
    A text of at most `length` characters, cut after the last word that fits, or within
    the first word if that one is too long.

    column: a tidied text. length: the longest text that the partner accepts.
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
    Whether a text has a control character (Unicode's Cc): a line break, a tab, a NUL,
    U+0085.

    column: the text.
#}
{% macro has_control_character(column) -%}
    {{ return(adapter.dispatch('has_control_character')(column)) }}
{%- endmacro %}

{% macro default__has_control_character(column) -%}
    coalesce(regexp_matches({{ column }}, '\p{Cc}'), false)
{%- endmacro %}

{% macro spark__has_control_character(column) -%}
    coalesce({{ column }} rlike '\\p{Cc}', false)
{%- endmacro %}


{#
    Whether a spreadsheet would run this text as a formula.

    column: the text.
#}
{% macro is_formula(column) -%}
    coalesce(
        {{ column }} like '=%' or {{ column }} like '+%'
        or {{ column }} like '@%' or {{ column }} like '-%', false
    )
{%- endmacro %}


{#
    Whether a text is longer than the partner accepts.

    column: the text. length: the longest text that it accepts.
#}
{% macro is_longer(column, length) -%}
    coalesce(length({{ column }}) > {{ length }}, false)
{%- endmacro %}


{#
    A text of the source as it is stored beside the value that was made of it: null if
    both are the same, an empty text if it is null, and else the text behind an equals
    sign.

    column: the text. value: the value, as a text.
#}
{% macro unless_same(column, value) -%}
    case
        when ({{ column }} is distinct from {{ value }})
            then coalesce('=' || {{ column }}, '')
    end
{%- endmacro %}


{#
    The text of the source that `unless_same` stored.

    kept: what it stored. value: the value, as it was there.
#}
{% macro kept_or_same(kept, value) -%}
    case
        when {{ kept }} is null then {{ value }}
        when {{ kept }} <> '' then substr({{ kept }}, 2)
    end
{%- endmacro %}
