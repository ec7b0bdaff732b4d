{#
    The statement that records which dbt run last wrote this warehouse. It runs at the
    end of every dbt run. `publish` checks with it that run_results.json and the tables
    come from the same run.
#}
{% macro build_record() -%}
    create or replace table {{ target.schema }}.build_record as
    select
        cast('{{ invocation_id }}' as varchar) as invocation_id,
        cast('{{ flags.WHICH }}' as varchar) as command,
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp)
            as built_at
{%- endmacro %}
