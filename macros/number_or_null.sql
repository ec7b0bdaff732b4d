{#
    A text as an exact number, or null where it is none. The text stays beside it in
    staging, so that a person sees what was read.

    Six decimals: more than a price has, and few enough to undo the noise of a source
    that computes in floats (12.344999999999999 was meant as 12.345).

    column: the text to read.
#}
{% macro number_or_null(column) -%}
    try_cast({{ column }} as decimal(18, 6))
{%- endmacro %}
