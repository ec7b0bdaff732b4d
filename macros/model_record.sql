{#
    The statements that record the SQL of every model this dbt run built, so that the
    warehouse itself says by which rules its rows were decided: `monitor why` asks
    them again of one row. A run that built no model records nothing.

    results: what dbt gives to on-run-end.
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
