{#
    A name as it is compared with a seed: in capitals, on one line, with single blanks.
    Both sides of a comparison are written so.

    column: a name.
#}
{% macro list_key(column) -%}
    upper({{ tidied(column) }})
{%- endmacro %}


{#
    A number as it is compared with a list that forbids, to notice what nearly matches:
    capital letters and digits only, and zero for the letter O.

    column: a number.
#}
{% macro near_key(column) -%}
    replace({{ part_number_key(column) }}, 'O', '0')
{%- endmacro %}


{#
    The nine characters of a Partslink number without its suffix, or null if a key has
    another form.

    key: capital letters and digits.
#}
{% macro partslink_base(key) -%}
    case
        when {{ matches(key, '^[A-Z0-9]{2}[0-9]{4}[A-Z0-9]{3}[A-Z0-9]{0,4}$') }}
            then left({{ key }}, 9)
    end
{%- endmacro %}
