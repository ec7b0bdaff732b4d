{#
    A hash of a whole row: 64 bits, in a wider type so that many of them can be summed.
    Two different rows have the same hash with a probability of 1 in 2^64. The value
    depends on the engine and its version: never store it.

    columns: a select list.
#}
{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash')(columns)) }}
{%- endmacro %}

{% macro default__row_hash(columns) -%}
    cast(hash({{ columns }}) as hugeint)
{%- endmacro %}

{% macro spark__row_hash(columns) -%}
    {#- xxhash64 passes over a null, so that (a, null) equals (null, a). The type of a
        value counts too: compare columns of the same types. -#}
    cast(xxhash64(
        {{ columns }}, {{ columns | replace(', ', ' is null, ') }} is null
    ) as decimal(38, 0))
{%- endmacro %}
