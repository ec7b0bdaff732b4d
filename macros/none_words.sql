{#
    A text as it is compared with the words for none: capital letters and zeros only.
    Null if the text has another digit: no word for none has one, and this check is
    cheap.

    column: the text.
#}
{% macro none_key(column) -%}
    {%- set marks = ' !"#$%&' ~ "''" ~ '()*+,-./:;<=>?@[]^_`{|}~' -%}
    case
        when {{ matches(column, '[1-9]') }} then null
        -- Most texts have no mark but blanks, and translating costs much more.
        when {{ matches(column, '^[A-Za-z0 ]*$') }}
            then replace(upper({{ column }}), ' ', '')
        else translate(
            upper({{ column }}),
            '{{ marks }}–—…' || chr(92) || chr(9) || chr(10) || chr(13) || chr(160), ''
        )
    end
{%- endmacro %}


{#
    Whether a text has no letter and no digit but zero, is only the letter X, or is an
    object or a list of JSON. False if it is null.

    column: the text.
#}
{% macro is_no_text(column) -%}
    coalesce(
        {{ matches(none_key(column), '^(0*|X{2,})$') }}
        or {{ is_json(column) }}, false
    )
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
    Joins of the words for none, one for each column, for `number_unless_none` and
    `text_unless_none`. The words are the relation none_words (word), each as its key.

    relation: the relation with the columns. columns: their names.
#}
{% macro none_words_joined(relation, columns) -%}
    {%- for column in columns %}
    left join none_words as none_{{ column }}
        on {{ none_key(relation ~ '.' ~ column) }} = none_{{ column }}.word
    {%- endfor %}
{%- endmacro %}


{#
    A number, or null if it stands for none.

    column: a column of `none_words_joined`.
#}
{% macro number_unless_none(column) -%}
    case
        when none_{{ column }}.word is null and not {{ is_no_number(column) }}
            then {{ column }}
    end
{%- endmacro %}


{#
    A text, or null if it stands for none.

    column: a column of `none_words_joined`.
#}
{% macro text_unless_none(column) -%}
    case
        when none_{{ column }}.word is null and not {{ is_no_text(column) }}
            then {{ column }}
    end
{%- endmacro %}
