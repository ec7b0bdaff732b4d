{#
    What binds a table to the verdict of the build that made it. `publish` refuses a
    table whose build has no verdict, or one in which a node of the file failed.

    Each table and view has the id of its build as a comment, which is written in the
    same transaction. The table `builds` has one row for each build that a table or
    view is of: when it began, what partners had then, and how each of its nodes ended.

    Unit tests prove the code, not the data. The table `unit_tests_passed` has those that
    passed for the code of a build, so that a later build of the same code may leave them
    out.
#}


{#
    The statement that writes the id of this build onto a relation. A post-hook of every
    model and seed, so it is in the transaction that replaces the relation.

    relation: the table or view. materialized: what the model or seed becomes.
#}
{% macro mark_build(relation, materialized) -%}
    {{ return(adapter.dispatch('mark_build')(relation, materialized)) }}
{%- endmacro %}

{% macro default__mark_build(relation, materialized) -%}
    {%- set kind = 'view' if materialized == 'view' else 'table' -%}
    comment on {{ kind }} {{ relation }} is '{{ invocation_id }}'
{%- endmacro %}


{#
    The statement that records that a build begins, and what partners have by the ledger
    at this moment: all nodes of the build read these states. It runs before the first
    node, so that a build that was killed is known. Commands that change no table record
    nothing.
#}
{% macro begin_build() -%}
    {%- if execute and is_recorded() -%}
        {%- do run_query(
            "create table if not exists " ~ target.schema ~ ".builds ("
            ~ "invocation_id varchar, command varchar, built_at timestamp, "
            ~ "ended_at timestamp, details varchar, states varchar)"
        ) -%}
        {#- Earlier versions made the table without `states`. -#}
        {%- do run_query(
            "alter table " ~ target.schema
            ~ ".builds add column if not exists states varchar"
        ) -%}
        {%- do run_query(
            "create table if not exists " ~ target.schema ~ ".unit_tests_passed ("
            ~ "code_digest varchar, unit_test varchar, "
            ~ "primary key (code_digest, unit_test))"
        ) -%}
        {{ return(
            "insert into " ~ target.schema ~ ".builds "
            ~ "(invocation_id, command, built_at, states) values ('"
            ~ invocation_id ~ "', '" ~ flags.WHICH ~ "', '"
            ~ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") ~ "', '"
            ~ (tojson(ledger_states()) | replace("'", "''")) ~ "')"
        ) }}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}


{#
    Whether this command of dbt makes tables, so that it has a row in `builds`.
#}
{% macro is_recorded() -%}
    {{ return(flags.WHICH in ('build', 'run', 'seed', 'snapshot', 'retry')) }}
{%- endmacro %}


{#
    The statements that record how each node of this build ended and which unit tests
    passed, and that remove the builds of which nothing is left.

    results: of dbt.
#}
{% macro end_build(results) -%}
    {%- if execute and is_recorded() -%}
        {%- set nodes = [] -%}
        {%- set passed = [] -%}
        {%- for result in results -%}
            {%- if result.node.resource_type == 'unit_test'
                and result.status == 'pass' -%}
                {%- do passed.append(
                    "(getvariable('code_digest'), '" ~ result.node.unique_id ~ "')"
                ) -%}
            {%- endif -%}
            {%- do nodes.append({
                'unique_id': result.node.unique_id,
                'status': result.status ~ '',
                'failures': result.failures,
                'message': result.message,
            }) -%}
        {%- endfor -%}
        {%- set details = {
            'dbt_version': dbt_version,
            'code_digest': run_query(
                "select getvariable('code_digest')"
            ).rows[0][0],
            'empty': flags.EMPTY | default(false, true),
            'vars': invocation_args_dict.vars | default({}, true),
            'results': nodes,
        } -%}
        update {{ target.schema }}.builds
        set
            ended_at = '{{ modules.datetime.datetime.now(modules.pytz.utc).strftime(
                "%Y-%m-%d %H:%M:%S.%f"
            ) }}',
            details = '{{ tojson(details) | replace("'", "''") }}'
        where invocation_id = '{{ invocation_id }}';
        delete from {{ target.schema }}.builds
        where
            invocation_id <> '{{ invocation_id }}'
            and invocation_id not in (
                select comment from duckdb_tables() where comment is not null
                union all
                select comment from duckdb_views() where comment is not null
            );
        delete from {{ target.schema }}.unit_tests_passed
        where
            code_digest not in (
                select json_extract_string(details, '$.code_digest')
                from {{ target.schema }}.builds
                where details is not null
            )
        {%- if passed %};
        insert or ignore into {{ target.schema }}.unit_tests_passed
        values {{ passed | join(', ') }}
        {%- endif %}
    {%- endif -%}
{%- endmacro %}
