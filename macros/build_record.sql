{#
    The statement that records which dbt run last wrote this warehouse. Run at the
    end of every run, it lets `publish` see that run_results.json and the tables it
    reads belong together.
#}
{% macro build_record() -%}
    create or replace table {{ target.schema }}.build_record as
    select
        cast('{{ invocation_id }}' as varchar) as invocation_id,
        cast('{{ flags.WHICH }}' as varchar) as command,
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp)
            as built_at
{%- endmacro %}
