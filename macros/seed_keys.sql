{#
    A name as it is compared with a seed: in capitals, on one line, with single blanks.
    Both sides of a comparison are written so.

    column: a name.
#}
{% macro list_key(column) -%}
    {{ capitals(tidied(column)) }}
{%- endmacro %}


{#
    The key of a number as it is compared with a list that forbids, to notice what nearly
    matches: zero for the letter O, one for the letters I and L.

    key: capital letters and digits.
#}
{% macro near_key(key) -%}
    case
        -- Most keys have none of these, and to look for them is cheap.
        when {{ key }} like '%O%' or {{ key }} like '%I%' or {{ key }} like '%L%'
            then translate({{ key }}, 'OIL', '011')
        else {{ key }}
    end
{%- endmacro %}


{#
    The nine characters of a Partslink number without its suffix, or null if a key has
    another form.

    key: capital letters and digits.
#}
{% macro partslink_base(key) -%}
    case
        when {{ matches(key, '^[A-Z0-9]{2}[0-9]{4}[A-Z0-9]{3}[A-Z0-9]{0,4}$') }}
            then left({{ key }}, 9)
    end
{%- endmacro %}


{#
    Refuse a seed with an entry that has no key, or the same key as another one: the
    first would never match, and two may contradict each other. A post-hook of every
    seed, so the message is that of `dbt build`, and the table of before stays.

    seed: the table. entry: its column, and the macro that makes the key with which
    values are compared (`column`, `key`); nothing for a seed without such a column.
#}
{% macro check_entries(seed, entry) -%}
    {%- if execute and entry -%}
        {%- set wrong = run_query(
            "select " ~ entry.column ~ " from (select " ~ entry.column
            ~ ", " ~ trimmed(context[entry.key](entry.column)) ~ " as entry_key"
            ~ " from " ~ seed ~ ") as keyed"
            ~ " qualify coalesce(entry_key, '') = ''"
            ~ " or count(*) over (partition by entry_key) > 1"
            ~ " order by entry_key, " ~ entry.column
        ).columns[0].values() -%}
        {%- if wrong | length > 0 -%}
            {{ exceptions.raise_compiler_error(
                "seeds/" ~ seed.identifier ~ ".csv: these entries of "
                ~ entry.column ~ " are blank, can match nothing, or equal another one"
                ~ " but for case, blanks and marks: '" ~ wrong[:10] | join("', '")
                ~ "'" ~ (" and " ~ (wrong | length - 10) ~ " more"
                    if wrong | length > 10 else "")
                ~ ". Correct or remove them."
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#
    Refuse a seed whose file lacks a column, and make its table anew if that has other
    columns than the file: dbt copies by position into a table that exists. A pre-hook
    of every seed.

    seed: the table. column_types: of the seed's declaration, by column.
#}
{% macro check_columns(seed, column_types) -%}
    {%- if execute -%}
        {%- set file = load_agate_table() -%}
        {%- set columns = file.column_names | list -%}
        {%- set missing = (column_types or {}).keys() | reject('in', columns) | list -%}
        {%- if missing -%}
            {{ exceptions.raise_compiler_error(
                "seeds/" ~ seed.identifier ~ ".csv: expected the columns "
                ~ column_types.keys() | join(', ') ~ " in its first line, found "
                ~ columns | join(', ') ~ ". Add " ~ missing | join(', ')
                ~ "; seeds/*.yml describes each seed."
            ) }}
        {%- endif -%}
        {%- if load_cached_relation(seed) -%}
            {%- set built = adapter.get_columns_in_relation(seed) -%}
            {%- if built | map(attribute='name') | list != columns -%}
                {%- do run_query('drop table ' ~ seed) -%}
                {%- do create_csv_table(model, file) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
