{#
    The rows that a unit test gives to a relation, as SQL. It takes the place of dbt's
    macro of the same name, which writes one select a row, each with all columns of the
    relation. dbt spends most of a test on writing and parsing that text. Here a row has
    only the columns that the test names.

    rows: mappings of columns to values. column_name_to_data_types: of the relation;
    default: read from the database.
#}
{% macro get_fixture_sql(rows, column_name_to_data_types) -%}
    {%- set types = {} -%}
    {%- do types.update(column_name_to_data_types or {}) -%}
    {%- if not types -%}
        {%- set known = this -%}
        {%- if defer_relation and not load_relation(this) -%}
            {%- set known = defer_relation -%}
        {%- endif -%}
        {%- for column in adapter.get_columns_in_relation(known) -%}
            {%- do types.update({column.name | lower: column.data_type}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if not types -%}
        {%- do exceptions.raise_compiler_error(
            "unit test of " ~ model.name ~ ": " ~ this ~ " does not exist; build it first"
        ) -%}
    {%- endif -%}
    {{ fixture_rows(rows, types, types) }}
{%- endmacro %}


{#
    The rows that a unit test expects, as SQL. Like `get_fixture_sql`, but all rows must
    name the same columns: dbt compares those of the first row.

    rows: mappings of columns to values. column_name_to_data_types: of the model.
    column_name_to_quoted: not needed.
#}
{% macro get_expected_sql(rows, column_name_to_data_types, column_name_to_quoted) -%}
    {%- for row in rows if row.keys() | sort != rows[0].keys() | sort -%}
        {%- do exceptions.raise_compiler_error(
            "unit test of " ~ model.name ~ ": expected in every row the columns "
            ~ rows[0].keys() | join(", ") ~ ", found " ~ row.keys() | join(", ")
        ) -%}
    {%- endfor -%}
    {%- if rows -%}
        {{ fixture_rows(rows, column_name_to_data_types, rows[0]) }}
    {%- else -%}
        select * from dbt_internal_unit_test_actual
        limit 0
    {%- endif -%}
{%- endmacro %}


{#
    Rows as SQL. A column that a row does not name is null. Each value is written as a
    text, and cast once for its whole column.

    rows: mappings of columns to values. types: of all columns that a row may name.
    columns: to select.
#}
{% macro fixture_rows(rows, types, columns) -%}
    {%- set named = {} -%}
    {%- for row in rows -%}
        {%- do named.update(row) -%}
    {%- endfor -%}
    {%- for column in named if column | lower not in types -%}
        {%- do exceptions.raise_compiler_error(
            "unit test of " ~ model.name ~ ": it has no column " ~ column ~ ", only "
            ~ types | join(", ")
        ) -%}
    {%- endfor -%}
    {%- set tuples = [] -%}
    {%- for row in rows -%}
        {%- set values = ["1"] -%}
        {%- for column in named -%}
            {%- do values.append(text_literal(row.get(column))) -%}
        {%- endfor -%}
        {%- do tuples.append("(" ~ values | join(", ") ~ ")") -%}
    {%- endfor -%}
    {%- set given = named | map("lower") | list -%}
    select
    {%- for column in columns | map("lower") %}
        cast({{ column if column in given else "null" }} as {{ types[column] }})
        as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
    {%- if tuples %}
    from (
        values
        {{ tuples | join(",\n        ") }}
    ) as fixture ({{ (["row_"] + given) | join(", ") }})
    {%- else %}
    limit 0
    {%- endif %}
{%- endmacro %}
