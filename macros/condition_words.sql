{#
    The words of a text in small letters, with one blank before, between and after them.
    Digits are words of their own: REPAIRED62-70 has the words repaired, 62 and 70.

    column: the text.
#}
{% macro words_of(column) -%}
    ' ' || trim({{ replaced(
        adapter.dispatch('digits_parted')(column), '[^a-z0-9]+', ' '
    ) }}) || ' '
{%- endmacro %}

{% macro default__digits_parted(column) -%}
    -- Few texts have a digit beside a letter, and replacing costs more than looking.
    case
        when {{ matches('lower(' ~ column ~ ')', '[a-z][0-9]|[0-9][a-z]') }}
            then regexp_replace(regexp_replace(
                lower({{ column }}), '([a-z])([0-9])', '\1 \2', 'g'
            ), '([0-9])([a-z])', '\1 \2', 'g')
        else lower({{ column }})
    end
{%- endmacro %}

{% macro spark__digits_parted(column) -%}
    regexp_replace(regexp_replace(
        lower({{ column }}), '([a-z])([0-9])', '$1 $2'
    ), '([0-9])([a-z])', '$1 $2')
{%- endmacro %}


{#
    How often a phrase occurs in the words of a text.

    words, phrase: texts of `words_of`.
#}
{% macro times_in(words, phrase) -%}
    (length({{ words }}) - length(replace({{ words }}, {{ phrase }}, ' ')))
    / (length({{ phrase }}) - 1)
{%- endmacro %}
