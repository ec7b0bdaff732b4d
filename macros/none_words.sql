{#
    A text as it is compared with the words for none: capital letters and zeros only.
    Null if the text has another digit: no word for none has one, and this check is
    cheap.

    column: the text.
#}
{% macro none_key(column) -%}
    case
        -- Most texts have no mark but blanks, and to remove marks costs more.
        when {{ matches(column, '^[A-Za-z0 ]*$') }}
            then replace(upper({{ column }}), ' ', '')
        when {{ matches(column, '[1-9]') }} then null
        else {{ adapter.dispatch('without_marks')('upper(' ~ column ~ ')') }}
    end
{%- endmacro %}

{% macro default__without_marks(column) -%}
    regexp_replace({{ column }}, '[ -/:-@\[-`{-~–—…\t\n\r\x{A0}]+', '', 'g')
{%- endmacro %}

{% macro spark__without_marks(column) -%}
    translate(
        {{ column }},
        ' !"#$%&''()*+,-./:;<=>?@[]^_`{|}~–—…' || chr(92) || chr(9) || chr(10)
        || chr(13) || chr(160), ''
    )
{%- endmacro %}


{#
    Whether a text has no letter and no digit but zero, is only the letter X, or is an
    object or a list of JSON. False if it is null.

    column: the text. key: its none_key.
#}
{% macro is_no_text(column, key) -%}
    coalesce({{ matches(key, '^(0*|X{2,})$') }} or {{ is_json(column) }}, false)
{%- endmacro %}


{#
    Whether a text begins with a word that denies: no, not, none, unknown ("no warranty",
    "not yet"). "No. 1" denies nothing. False if it is null.

    column: the text.
#}
{% macro is_denied(column) -%}
    {%- set words = 'NOT|NONE|NEVER|WITHOUT|UNKNOWN|UNPROVEN|PENDING|MISSING|N/A'
        ~ '|TB[ACD]' -%}
    coalesce(
        {{ matches(
            'upper(trim(' ~ column ~ '))',
            '^(NO([^A-Z.]|$)|(' ~ words ~ ')([^A-Z]|$))'
        ) }}, false
    )
{%- endmacro %}


{#
    Whether a number is only zeros, only dashes and points, or only the letter X.

    column: a part number.
#}
{% macro is_no_number(column) -%}
    coalesce({{ matches(column, '^([ 0._/,–—-]*|[Xx]{2,})$') }}, false)
{%- endmacro %}


{#
    The none_key of each column, in a select list: <column>_none.

    columns: their names.
#}
{% macro none_keys(columns) -%}
    {%- set keys = [] -%}
    {%- for column in columns -%}
        {%- do keys.append(none_key(column) ~ ' as ' ~ column ~ '_none') -%}
    {%- endfor -%}
    {{ keys | join(', ') }}
{%- endmacro %}


{#
    A number, or null if it stands for none. The words for none are the relation
    none_words (word), each as its key.

    column: a column of `none_keys`.
#}
{% macro number_unless_none(column) -%}
    case
        when {{ column }}_none is null then {{ column }}
        when {{ column }}_none in (select word from none_words) then null
        when not {{ is_no_number(column) }} then {{ column }}
    end
{%- endmacro %}


{#
    A text, or null if it stands for none. The words for none are the relation
    none_words (word), each as its key.

    column: a column of `none_keys`.
#}
{% macro text_unless_none(column) -%}
    case
        when {{ column }}_none in (select word from none_words) then null
        when not {{ is_no_text(column, column ~ '_none') }} then {{ column }}
    end
{%- endmacro %}
