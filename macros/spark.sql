{#
    What the models need of Apache Spark that its adapter does not do, or does otherwise
    (dbt-spark 1.11). docs/scale.md describes the folders and the record of a build.
#}


{#
    A path of the data directory as an absolute one: Spark resolves a relative one by
    the folder of its own catalog, and not by the folder in which dbt runs.

    path: begins with FEEDS_DATA, or with the default of it.
#}
{% macro spark_path(path) -%}
    {%- if path.startswith('/') or '://' in path or not execute -%}
        {{ return(path) }}
    {%- endif -%}
    {%- set folder = run_query(
        "select reflect('java.lang.System', 'getProperty', 'user.dir')"
    ).rows[0][0] -%}
    {{ return(folder ~ '/' ~ path) }}
{%- endmacro %}

{% macro spark_folder(name) -%}
    {{ return(spark_path(data_directory() ~ '/' ~ name)) }}
{%- endmacro %}


{#
    A table is Parquet in a folder of its own for each build.
#}
{% macro spark__file_format_clause() -%}
    using parquet
{%- endmacro %}

{% macro spark__location_clause() -%}
    location {{ text_literal(
        spark_folder('spark') ~ '/' ~ invocation_id ~ '/' ~ model['alias']
    ) }}
{%- endmacro %}


{#
    The rows of a seed. The adapter writes an apostrophe as it is, which ends the text, a
    backslash as one, which is an escape, and a blank cell as the word None.

    model: the seed. agate_table: its rows.
#}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set types = model['config'].get('column_types') or {} -%}
    {%- set rows = [] -%}
    {%- for row in agate_table.rows -%}
        {%- set cells = [] -%}
        {%- for column in agate_table.column_names -%}
            {%- set type = types.get(
                column, adapter.convert_type(agate_table, loop.index0)
            ) -%}
            {%- do cells.append(
                'cast(' ~ text_literal(row[column]) ~ ' as ' ~ type ~ ')'
            ) -%}
        {%- endfor -%}
        {%- do rows.append('(' ~ cells | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- set sql = 'insert into ' ~ this ~ ' values ' ~ rows | join(', ') -%}
    {%- if rows -%}
        {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {%- endif -%}
    {{ return(sql) }}
{%- endmacro %}


{#
    The constraints of a contract. Spark enforces none on Parquet, so the table is asked.

    relation: the table. model: its node.
#}
{% macro spark__persist_constraints(relation, model) -%}
    {%- set counts = [] -%}
    {%- for column in model.columns.values() -%}
        {%- for constraint in column.constraints -%}
            {%- if constraint.type != 'not_null' -%}
                {%- do exceptions.raise_compiler_error(
                    'column ' ~ column.name ~ ' of ' ~ model.alias ~ ': expected a '
                    ~ 'constraint not_null, found ' ~ constraint.type
                ) -%}
            {%- endif -%}
            {%- do counts.append(
                'count_if(' ~ column.name ~ ' is null) as ' ~ column.name
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if counts -%}
        {%- set nulls = run_query(
            'select ' ~ counts | join(', ') ~ ' from ' ~ relation
        ) -%}
        {%- for column in nulls.column_names if nulls.rows[0][column] -%}
            {%- do exceptions.raise_database_error(
                'NOT NULL constraint failed: ' ~ model.alias ~ '.' ~ column ~ ' is null '
                ~ 'in ' ~ nulls.rows[0][column] ~ ' rows'
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}


{#
    A text as a literal of SQL; null for none.

    text: of Jinja.
#}
{% macro text_literal(text) -%}
    {{ return(adapter.dispatch('text_literal')(text)) }}
{%- endmacro %}

{% macro default__text_literal(text) -%}
    {{ return('null' if text is none else "'" ~ (text | replace("'", "''")) ~ "'") }}
{%- endmacro %}

{% macro spark__text_literal(text) -%}
    {{ return('null' if text is none else
        "'" ~ (text | string | replace('\\', '\\\\') | replace("'", "\\'")) ~ "'"
    ) }}
{%- endmacro %}


{#
    Make the sources known to an engine that reads no file by its path: each is a table
    over its files, with no rows if there is none. It runs before the first node. DuckDB
    needs none.
#}
{% macro declare_sources() -%}
    {%- if execute and is_recorded() -%}
        {%- do adapter.dispatch('declare_sources')() -%}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}

{% macro default__declare_sources() -%}
{%- endmacro %}

{% macro spark__declare_sources() -%}
    {%- do run_query(letters_function('capitals', 'upper')) -%}
    {%- do run_query(letters_function('small_letters', 'lower')) -%}
    {%- for schema in ['publish', 'published', 'ordertime', 'order_tool'] -%}
        {%- do run_query('create schema if not exists ' ~ schema) -%}
    {%- endfor -%}
    {%- for name in ['landing/current', 'delivered'] -%}
        {%- do table_over(
            'publish.files_of_' ~ name.split('/')[0],
            'path string, modificationTime timestamp_ltz, length bigint, content binary',
            'binaryFile options (recursiveFileLookup true)', spark_folder(name)
        ) -%}
    {%- endfor -%}
    {%- do table_over('publish.ledger', 'value string', 'text',
        spark_folder('ledger.jsonl')) -%}
    {%- do table_over('publish.build_records', 'value string',
        'text options (wholetext true, recursiveFileLookup true)',
        spark_folder('spark/builds')) -%}
    {%- for node in graph.sources.values()
        if node.source_name not in ('publish', 'published') -%}
        {%- do table_over(
            node.schema ~ '.' ~ node.name, spark_columns(node.columns.values()),
            'parquet', spark_path(
                node.config.meta.external_location
                | replace('{schema}', node.schema) | replace('{name}', node.name)
            )
        ) -%}
    {%- endfor -%}
{%- endmacro %}

{#
    Make a table over files that exist or not. Dropping it leaves the files.

    table: its name. columns: as SQL. format: of Spark. path: a file or a folder.
#}
{% macro table_over(table, columns, format, path) -%}
    {%- do run_query('drop table if exists ' ~ table) -%}
    {%- do run_query(
        'create table ' ~ table ~ ' (' ~ columns ~ ') using ' ~ format
        ~ ' location ' ~ text_literal(path)
    ) -%}
{%- endmacro %}

{#
    Columns as Spark declares them.

    columns: names and data types.
#}
{% macro spark_columns(columns) -%}
    {%- set typed = [] -%}
    {%- for column in columns -%}
        {%- do typed.append(column.name ~ ' ' ~ spark_type(column.data_type)) -%}
    {%- endfor -%}
    {{ return(typed | join(', ')) }}
{%- endmacro %}

{#
    A data type as Spark writes it: struct(Id bigint) is struct<Id: bigint>.

    data_type: as YAML declares it.
#}
{% macro spark_type(data_type) -%}
    {%- if data_type.startswith('struct(') -%}
        {{ return('struct<' ~ modules.re.sub(
            '(\w+) (\w+)', '\\1: \\2', data_type[7:-1]
        ) ~ '>') }}
    {%- endif -%}
    {{ return(data_type) }}
{%- endmacro %}
