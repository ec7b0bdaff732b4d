{#
    An amount of money: two decimals, rounded half up, once and here. Null where it
    does not fit.

    column: an exact number.
#}
{% macro money(column) -%}
    try_cast(round({{ column }}, 2) as decimal(18, 2))
{%- endmacro %}


{#
    An amount where it is above zero and within a limit, or null.

    column: an exact number. limit: the most the partner takes.
#}
{% macro money_within(column, limit) -%}
    case
        when {{ money(column) }} > 0 and {{ money(column) }} <= {{ limit }}
            then {{ money(column) }}
    end
{%- endmacro %}


{#
    The whole units that may be offered: what the variable publish_quantity says,
    less the safety stock. Null where there is no sane quantity.

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
