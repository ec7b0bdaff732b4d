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

{#- On Spark the folder of a table names its build. -#}
{% macro spark__mark_build(relation, materialized) -%}
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
        {{ return(adapter.dispatch('begin_build')()) }}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}

{% macro default__begin_build() -%}
    {%- do run_query(
        "create table if not exists " ~ target.schema ~ ".builds ("
        ~ "invocation_id string, command string, built_at timestamp, "
        ~ "ended_at timestamp, details string, states string)"
    ) -%}
    {#- Earlier versions made the table without `states`. -#}
    {%- do run_query(
        "alter table " ~ target.schema
        ~ ".builds add column if not exists states string"
    ) -%}
    {%- do run_query(
        "create table if not exists " ~ target.schema ~ ".unit_tests_passed ("
        ~ "code_digest string, unit_test string, "
        ~ "primary key (code_digest, unit_test))"
    ) -%}
    {{ return(
        "insert into " ~ target.schema ~ ".builds "
        ~ "(invocation_id, command, built_at, states) values ('"
        ~ invocation_id ~ "', '" ~ flags.WHICH ~ "', '"
        ~ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") ~ "', '"
        ~ (tojson(ledger_states()) | replace("'", "''")) ~ "')"
    ) }}
{%- endmacro %}

{#- The record of a build on Spark is one file, written at its end. -#}
{% macro spark__begin_build() -%}
    {%- set states = ledger_states() -%}
    {%- do declare_states(states) -%}
    {{ return(
        'create or replace temporary view build_states as select '
        ~ text_literal(tojson(states)) ~ ' as states'
    ) }}
{%- endmacro %}


{#
    What partners had when this build began, as `ledger_states` gives it.
#}
{% macro recorded_states() -%}
    {{ return(adapter.dispatch('recorded_states')()) }}
{%- endmacro %}

{% macro default__recorded_states() -%}
    {{ return(fromjson(run_query(
        "select states from " ~ target.schema ~ ".builds where invocation_id = '"
        ~ invocation_id ~ "'"
    ).rows[0][0])) }}
{%- endmacro %}

{% macro spark__recorded_states() -%}
    {{ return(fromjson(run_query('select states from build_states').rows[0][0])) }}
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
        {{ adapter.dispatch('end_build')(results) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__end_build(results) -%}
    {%- set passed = [] -%}
    {%- for result in results
        if result.node.resource_type == 'unit_test' and result.status == 'pass' -%}
        {%- do passed.append(
            "(getvariable('code_digest'), '" ~ result.node.unique_id ~ "')"
        ) -%}
    {%- endfor -%}
    {%- set code_digest = run_query(
        "select getvariable('code_digest')"
    ).rows[0][0] -%}
    update {{ target.schema }}.builds
    set
        ended_at = '{{ utc_now() }}',
        details = {{ text_literal(tojson(build_details(results, code_digest))) }}
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
{%- endmacro %}

{#- One statement, which leaves the whole record or none: see docs/scale.md. -#}
{% macro spark__end_build(results) -%}
    {%- set earlier = newest_record() -%}
    {%- set code_digest = env_var('FEEDS_CODE_DIGEST', '') or none -%}
    {%- set tables = {} -%}
    {%- do tables.update(earlier.get('tables', {})) -%}
    {%- do tables.update(spark_tables()) -%}
    {%- set record = {
        'format': 1,
        'engine': 'spark',
        'invocation_id': invocation_id,
        'command': flags.WHICH,
        'built_at': run_started_at.strftime('%Y-%m-%d %H:%M:%S.%f'),
        'ended_at': utc_now(),
        'states': recorded_states(),
        'details': build_details(results, code_digest),
        'tables': tables,
        'unit_tests_passed': passed_before(earlier, code_digest),
    } -%}
    insert overwrite directory
    {{ text_literal(spark_folder('spark/builds/') ~ invocation_id) }}
    using text
    select {{ text_literal(tojson(record)) }}
{%- endmacro %}

{#
    The record of the build before this one, as docs/mart.md describes it, or an empty
    mapping. A build that was killed has none.
#}
{% macro newest_record() -%}
    {%- set records = run_query(
        "select value from publish.build_records "
        ~ "order by get_json_object(value, '$.built_at') desc limit 1"
    ).rows -%}
    {{ return(fromjson(records[0][0]) if records else {}) }}
{%- endmacro %}

{#
    The unit tests that passed for the code of this build before it.

    record: of an earlier build. code_digest: of this build, or none.
#}
{% macro passed_before(record, code_digest) -%}
    {%- set passed = [] -%}
    {%- if code_digest and record and record.details.code_digest == code_digest -%}
        {%- do passed.extend(record.get('unit_tests_passed', [])) -%}
        {%- for result in record.details.results
            if result.unique_id.startswith('unit_test.') and result.status == 'pass' -%}
            {%- do passed.append(result.unique_id) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(passed | unique | sort) }}
{%- endmacro %}

{#
    Every table that this build made, by its name: folder, build, number of rows, and of
    each file its bytes and SHA-256. A file above 256 MiB has no SHA-256: Spark reads a
    whole file into memory for it.
#}
{% macro spark_tables() -%}
    {%- set tables = {} -%}
    {%- set counts = [] -%}
    {%- for row in run_query(
        'show table extended in ' ~ target.schema ~ " like '*'"
    ).rows -%}
        {%- set names = modules.re.findall(
            'Location: [^\\n]*/spark/' ~ invocation_id ~ '/(\\w+)', row['information']
        ) -%}
        {%- for name in names -%}
            {%- do tables.update({name: {
                'folder': invocation_id ~ '/' ~ name, 'build': invocation_id, 'files': {}
            }}) -%}
            {%- do counts.append(
                "select '" ~ name ~ "' as name, count(*) as counted from "
                ~ target.schema ~ '.' ~ name
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if tables -%}
        {%- for row in run_query(counts | join(' union all ')).rows -%}
            {%- do tables[row['name']].update({'rows': row['counted'] | int}) -%}
        {%- endfor -%}
        {%- do table_over(
            'publish.files_of_build',
            'path string, modificationTime timestamp_ltz, length bigint, content binary',
            'binaryFile options (recursiveFileLookup true)',
            spark_folder('spark/' ~ invocation_id)
        ) -%}
        {%- for row in run_query(
            'select path, length, sha2(content, 256) as sha256 '
            ~ 'from publish.files_of_build where length <= 268435456 '
            ~ 'union all select path, length, null as sha256 '
            ~ 'from publish.files_of_build where length > 268435456'
        ).rows -%}
            {%- set table, file = row['path'].split('/')[-2:] -%}
            {%- set facts = {'bytes': row['length'] | int} -%}
            {%- if row['sha256'] -%}
                {%- do facts.update({'sha256': row['sha256']}) -%}
            {%- endif -%}
            {%- if table in tables -%}
                {%- do tables[table].files.update({file: facts}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(tables) }}
{%- endmacro %}

{#
    What is recorded of a build besides its times: versions, variables, and how each node
    ended.

    results: of dbt. code_digest: of `runtime.code_digest`, or none.
#}
{% macro build_details(results, code_digest) -%}
    {%- set nodes = [] -%}
    {%- for result in results -%}
        {%- do nodes.append({
            'unique_id': result.node.unique_id,
            'status': result.status ~ '',
            'failures': result.failures,
            'message': result.message,
        }) -%}
    {%- endfor -%}
    {{ return({
        'dbt_version': dbt_version,
        'code_digest': code_digest,
        'empty': flags.EMPTY | default(false, true),
        'vars': invocation_args_dict.vars | default({}, true),
        'results': nodes,
    }) }}
{%- endmacro %}

{% macro utc_now() -%}
    {{ return(
        modules.datetime.datetime.now(modules.pytz.utc).strftime('%Y-%m-%d %H:%M:%S.%f')
    ) }}
{%- endmacro %}
