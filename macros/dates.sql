{#
    An ISO 8601 time as a timestamp in UTC, or null if the text is none: with T or a
    space, with or without seconds and fractions, with Z, with an offset, or without a
    zone (then it is UTC). No offset on Earth is above 14 hours. Years 0100 to 9899
    only: an offset moves none of them out of four digits.

    column: the text.
#}
{% macro utc_timestamp(column) -%}
    {{ return(adapter.dispatch('utc_timestamp')(column)) }}
{%- endmacro %}

{% macro default__utc_timestamp(column) -%}
    case
        -- Most are so, and to read a time without its zone is cheap.
        when {{ matches(column, iso_minute() ~ ':[0-9]{2}Z$') }}
            then try_cast(left({{ column }}, 19) as timestamp)
        else timezone('UTC', try_cast({{ iso_time(column) }}
        || case when {{ matches(column, iso_zone() ~ '$') }} then '' else 'Z' end
        as timestamptz))
    end
{%- endmacro %}

{% macro spark__utc_timestamp(column) -%}
    cast(try_cast({{ iso_time(column) }} as timestamp_ltz) as timestamp)
{%- endmacro %}

{#- An ISO 8601 time with its seconds: no engine reads a zone after minutes. -#}
{% macro iso_time(column) -%}
    case
        when {{ matches(column, iso_minute() ~ iso_zone() ~ '?$') }}
            then left({{ column }}, 16) || ':00' || substr({{ column }}, 17)
        when {{ matches(
            column, iso_minute() ~ ':[0-9]{2}([.][0-9]+)?' ~ iso_zone() ~ '?$'
        ) }} then {{ column }}
    end
{%- endmacro %}

{% macro iso_zone() -%}
    (Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)
{%- endmacro %}

{% macro iso_minute() -%}
    ^(0[1-9]|[1-8][0-9]|9[0-8])[0-9]{2}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]
{%- endmacro %}


{#
    A date in the form YYYY-MM-DD, or null if the text is none.

    column: the text.
#}
{% macro iso_date(column) -%}
    case
        when {{ matches(column, '^(0[1-9]|[1-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}$') }}
            then try_cast({{ column }} as date)
    end
{%- endmacro %}


{#
    The number of whole days from one time to a later one.

    earlier, later: timestamps.
#}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    date_sub('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
    timestampdiff(day, {{ earlier }}, {{ later }})
{%- endmacro %}


{#
    A time without what is smaller than a unit.

    unit: second or minute. column: a timestamp.
#}
{% macro truncated_to(unit, column) -%}
    {{ return(adapter.dispatch('truncated_to')(unit, column)) }}
{%- endmacro %}

{% macro default__truncated_to(unit, column) -%}
    date_trunc('{{ unit }}', {{ column }})
{%- endmacro %}

{#- Spark gives the result a zone. -#}
{% macro spark__truncated_to(unit, column) -%}
    cast(date_trunc('{{ unit }}', {{ column }}) as timestamp)
{%- endmacro %}
