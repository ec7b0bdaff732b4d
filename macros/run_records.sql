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


{#
    The statements that record the SQL of every model that this dbt run built, so that
    the warehouse itself says by which rules its rows were decided. `monitor why` reads
    them. A run that built no model records nothing.

    results: what dbt passes to on-run-end.
#}
{% macro model_record(results) -%}
    {%- set rows = [] -%}
    {%- for result in (results if execute else []) -%}
        {%- if result.node.resource_type == 'model' and result.status == 'success' -%}
            {%- set code = result.node.compiled_code | replace("'", "''") -%}
            {%- do rows.append("('" ~ result.node.alias ~ "', '" ~ code ~ "')") -%}
        {%- endif -%}
    {%- endfor -%}
    create table if not exists {{ target.schema }}.model_record (
        model varchar,
        code varchar
    );
    {%- if rows %}
    create or replace temporary table models_built (model varchar, code varchar);
    insert into models_built values {{ rows | join(', ') }};
    delete from {{ target.schema }}.model_record
    where model in (select models_built.model from models_built);
    insert into {{ target.schema }}.model_record
    select * from models_built;
    {%- endif %}
{%- endmacro %}
