{#
    Reads a text as an exact number, or null if it is none. Staging keeps the text
    beside it, so that a person sees what was read.

    Six decimals: more than any price has, and few enough to remove the noise of a
    source that computes in floats (12.344999999999999 was meant as 12.345).

    DuckDB reads 25_00 as 2500, which is no number.

    column: the text.
#}
{% macro number_or_null(column) -%}
    {{ return(adapter.dispatch('number_or_null')(column)) }}
{%- endmacro %}

{% macro default__number_or_null(column) -%}
    case
        when not contains({{ column }}, '_') then try_cast({{ column }} as decimal(18, 6))
    end
{%- endmacro %}

{#- Spark also reads digits of other scripts. -#}
{% macro spark__number_or_null(column) -%}
    case
        when not {{ column }} rlike '[^\\x00-\\x7f]'
            then try_cast(replace({{ column }}, '_', 'x') as decimal(18, 6))
    end
{%- endmacro %}


{#
    An amount of money with two decimals, rounded half up. Amounts are rounded here and
    nowhere else. Null if the amount does not fit.

    column: an exact number.
#}
{% macro money(column) -%}
    try_cast(round({{ column }}, 2) as decimal(18, 2))
{%- endmacro %}


{#
    An amount for one piece, exact to six decimals.

    column: the amount for a unit. pieces: how many pieces the unit has, or null for one.
#}
{% macro per_piece(column, pieces) -%}
    case
        -- No price is so large, and a double is exact to 15 digits.
        when coalesce({{ pieces }}, 1) = 1 or abs({{ column }}) >= 1000000000
            then {{ column }}
        else try_cast(
            cast({{ column }} as double) / cast({{ pieces }} as double)
            as decimal(18, 6)
        )
    end
{%- endmacro %}


{#
    A quantity in pieces, or null if it is too large for any stock.

    column: the quantity in a unit. pieces: how many pieces the unit has, or null for one.
#}
{% macro in_pieces(column, pieces) -%}
    case
        when coalesce({{ pieces }}, 1) = 1 then {{ column }}
        else try_cast(cast({{ column }} as double) * cast({{ pieces }} as double) as decimal(18, 6))
    end
{%- endmacro %}


{#
    An amount of money if it is above zero and within a limit, else null.

    column: an exact number. limit: the highest amount that the partner accepts.
#}
{% macro money_within(column, limit) -%}
    case
        when {{ money(column) }} > 0 and {{ money(column) }} <= {{ limit }}
            then {{ money(column) }}
    end
{%- endmacro %}


{#
    The whole units that may be offered: the quantity that the variable publish_quantity
    names, minus the safety stock. Null if the quantity is not plausible.

    on_hand, available: exact numbers.
#}
{% macro saleable_quantity(on_hand, available) -%}
    {%- set published = {
        'on_hand': on_hand,
        'available': 'least(' ~ on_hand ~ ', coalesce(' ~ available ~ ', 0))',
    } -%}
    try_cast(
        floor({{ published[var('publish_quantity')] }}) - {{ var('safety_stock') }}
        as integer
    )
{%- endmacro %}


{#
    How often a whole number goes into another one.

    number, divisor: whole numbers that are not negative.
#}
{% macro whole_quotient(number, divisor) -%}
    {{ return(adapter.dispatch('whole_quotient')(number, divisor)) }}
{%- endmacro %}

{% macro default__whole_quotient(number, divisor) -%}
    ({{ number }} // {{ divisor }})
{%- endmacro %}

{% macro spark__whole_quotient(number, divisor) -%}
    ({{ number }} div {{ divisor }})
{%- endmacro %}
