{#
    A number of 64 bits that stands for a whole row, in a type in which many can be
    added. Two rows that differ share one with a chance of 1 in 2^64. Engines and
    versions differ in it: never keep it.

    columns: a select list.
#}
{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash')(columns)) }}
{%- endmacro %}

{% macro default__row_hash(columns) -%}
    cast(hash({{ columns }}) as hugeint)
{%- endmacro %}

{% macro spark__row_hash(columns) -%}
    cast(xxhash64({{ columns }}) as decimal(38, 0))
{%- endmacro %}
