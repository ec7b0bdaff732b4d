{#
    A text as an exact number, or null where it is none.

    Twenty decimals, so that reading a price never rounds it: prices are rounded
    once, in `money`. The text stays beside the number in staging, so that a rule
    can tell "missing" from "not a number".

    column: the text to read.
#}
{% macro number_or_null(column) -%}
    try_cast({{ column }} as decimal(38, 20))
{%- endmacro %}
