{#
    What the partner has of a mart, or no rows before the first delivery: the columns of
    the mart's contract in their types, `_delivered_at` and `_is_former` (both null in
    files of earlier versions; store/partner_state.py describes them), and `_state`, the
    number of the file: the one that was set last has the highest.

    model: the mart's table (inventory_feed, order_feed_v2). Its source in `published`
    has the same name, and the path of its files.
#}
{% macro published_state(model) -%}
    {{ state_rows(model, state_columns(model) if execute else []) }}
{%- endmacro %}


{#
    What each destination has of a mart: the columns of `published_state` without
    `_state`, and `destination`. What two destinations have alike, in the same files, is
    read once and has the name of the first.

    model: as above.
#}
{% macro published_by_destination(model) -%}
    {%- if not execute -%}
        {{ published_state(model) }}
    {%- else -%}
        {%- set columns = state_columns(model) -%}
        {{ no_rows(columns + [{'name': 'destination', 'data_type': 'string'}]) }}
        {%- for destination, states in states_by_destination(model).items() %}
        union all
        select
            {{ columns | map(attribute='name') | join(', ') }},
            '{{ destination }}' as destination
        from ({{ state_rows(model, columns, states) }}) as states
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}


{#
    The states of a mart by destination: of those that exposures name now. If none of
    them has anything yet, what a former one has counts as before.

    model: as above.
#}
{% macro states_by_destination(model) -%}
    {%- set declared = [] -%}
    {#- A unit test has a graph without exposures. -#}
    {%- for exposure in graph.get('exposures', {}).values() -%}
        {%- set meta = exposure.config.meta or {} -%}
        {%- if meta.state == model -%}
            {%- do declared.append(meta.destination) -%}
            {%- for each in meta.also or [] -%}
                {%- do declared.append(each.destination) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set states = current_states() | selectattr('model', 'equalto', model) | list -%}
    {%- set there = states | selectattr('destination', 'in', declared) | list -%}
    {%- set groups, seen = {}, [] -%}
    {%- for destination, own in (there or states) | groupby('destination') -%}
        {%- set files = own | map(attribute='sha256') | sort | list -%}
        {%- if files not in seen -%}
            {%- do seen.append(files) -%}
            {%- do groups.update({destination: own | list}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(groups) }}
{%- endmacro %}


{#
    SQL: whether destinations have different rows of a mart. Unit tests override it.

    model: as above.
#}
{% macro is_held_differently(model) -%}
    {%- set several = execute and states_by_destination(model) | length > 1 -%}
    {{ 'true' if several else 'false' }}
{%- endmacro %}


{#
    The columns of a state, with their data types.

    model: the mart's table, or `confirmations`.
#}
{% macro state_columns(model) -%}
    {%- if model == 'confirmations' -%}
        {%- set id = ['source', project_name, 'published', model] | join('.') -%}
        {{ return(graph.sources[id].columns.values() | list) }}
    {%- endif -%}
    {{ return(contract_of(model) + [
        {'name': '_delivered_at', 'data_type': 'timestamp'},
        {'name': '_is_former', 'data_type': 'boolean'},
    ]) }}
{%- endmacro %}


{#
    The rows of a state in given columns, or no rows while the ledger names no file.

    model: the state, and its source in `published`, which has the path of its files.
    columns: names and data types.
    states: those to read; default all of the model.
#}
{% macro state_rows(model, columns, states=none) -%}
    {%- set files = source('published', model) -%}
    {%- if not execute -%}
        select * from {{ files }}
    {%- else -%}
        {%- if states is none -%}
            {%- set states = current_states()
                | selectattr('model', 'equalto', model) | list -%}
        {%- endif -%}
        {{ adapter.dispatch('state_rows')(columns, files, states) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__state_rows(columns, files, states) -%}
    {{ no_rows(columns + [{'name': '_state', 'data_type': 'bigint'}]) }}
    {%- set paths = state_files(states, files.render() | replace("'", '')) -%}
    {%- if paths %}
    union all by name
    select
        * exclude (filename),
        list_position(['{{ paths | join("', '") }}'], filename) as _state
    from read_parquet(
        ['{{ paths | join("', '") }}'],
        union_by_name = true, hive_partitioning = false, filename = true
    )
    {%- endif -%}
{%- endmacro %}

{% macro spark__state_rows(columns, files, states) -%}
    {%- set names = columns | map(attribute='name') | join(', ') -%}
    {{ no_rows(columns + [{'name': '_state', 'data_type': 'bigint'}]) }}
    {%- for state in states %}
    union all
    select {{ names }}, {{ loop.index }} as _state from {{ state_table(state) }}
    {%- endfor -%}
{%- endmacro %}


{#
    Make each state a table with the columns of today: a file of an earlier version lacks
    some. Fails if a file is gone. Only Spark needs such tables.

    states: of `ledger_states`.
#}
{% macro declare_states(states) -%}
    {%- set there = run_query(
        "select substring_index(path, '/', -2) from publish.files_of_delivered"
    ).columns[0].values() | list -%}
    {%- set folder = spark_folder('delivered') -%}
    {%- for state in states -%}
        {%- set file = state.model ~ '/' ~ state.sha256 ~ '.parquet' -%}
        {%- if file not in there -%}
            {{ exceptions.raise_compiler_error(lost_state(folder ~ '/' ~ file)) }}
        {%- endif -%}
        {%- do table_over(
            state_table(state), spark_columns(state_columns(state.model)), 'parquet',
            folder ~ '/' ~ file
        ) -%}
    {%- endfor -%}
{%- endmacro %}

{% macro state_table(state) -%}
    {{ return('published.' ~ state.model ~ '_' ~ state.sha256) }}
{%- endmacro %}


{#
    The files with the rows of some states. Fails if one is gone.

    states: of one mart. pattern: the path of its files, with * for a digest.
#}
{% macro state_files(states, pattern) -%}
    {%- set files = run_query("select file from glob('" ~ pattern ~ "')") -%}
    {%- set there = files.columns[0].values() | list -%}
    {%- set paths = [] -%}
    {%- for state in states -%}
        {%- set path = pattern | replace('*', state.sha256) -%}
        {%- if path not in there -%}
            {{ exceptions.raise_compiler_error(lost_state(path)) }}
        {%- endif -%}
        {%- do paths.append(path) -%}
    {%- endfor -%}
    {{ return(paths) }}
{%- endmacro %}

{#
    What partners have, those states that were set last at the end. A build uses the
    states that it recorded at its start, any other command those of the ledger.
#}
{% macro current_states() -%}
    {{ return(recorded_states() if is_recorded() else ledger_states()) }}
{%- endmacro %}

{% macro lost_state(path) -%}
    {{ return(
        "expected " ~ path ~ ", the rows that the partner has by the ledger, found no "
        ~ "such file. Restore it from a copy."
    ) }}
{%- endmacro %}


{#
    The states that the ledger says are current, the one that was set last at the end: a
    list of dictionaries of model, destination, split and sha256. None without a ledger.
    store/partner_state.py has the same rule.
#}
{% macro ledger_states() -%}
    {%- set query -%}
        select
            model,
            destination,
            split,
            max_by(sha256, position) as sha256
        from (
            select
                {{ row_place() }} as position,
                {{ json_text('record', 'event') }} as event,
                {{ json_text('record', 'state.model') }} as model,
                coalesce({{ json_text('record', 'destination') }}, '') as destination,
                coalesce({{ json_text('record', 'split') }}, '') as split,
                {{ json_text('record', 'state.sha256') }} as sha256
            from ({{ evidence('ledger') }}) as ledger
        ) as records
        where event in ('delivered', 'nothing', 'confirmed', 'voided', 'adopted')
            and sha256 <> ''
        group by model, destination, split
        order by max(position)
    {%- endset -%}
    {%- set states = [] -%}
    {%- for row in run_query(query).rows -%}
        {%- do states.append({
            'model': row[0], 'destination': row[1], 'split': row[2], 'sha256': row[3],
        }) -%}
    {%- endfor -%}
    {{ return(states) }}
{%- endmacro %}


{#
    The place of a row among those of a query that reads one file, in their order.
#}
{% macro row_place() -%}
    {{ return(adapter.dispatch('row_place')()) }}
{%- endmacro %}

{% macro default__row_place() -%}
    row_number() over ()
{%- endmacro %}

{% macro spark__row_place() -%}
    row_number() over (order by monotonically_increasing_id())
{%- endmacro %}


{#
    The values that people confirmed and that still count, in the columns that the
    source declares; none before the first confirmation.
#}
{% macro confirmed_values() -%}
    {{ state_rows(
        'confirmations', state_columns('confirmations') if execute else []
    ) }}
{%- endmacro %}


{#
    A staging model of what a reader has of a mart, former rows too: the columns of the
    mart's contract, in their order, and no others. A reader replaces all rows of a key
    by those of the newest file. So if a key is in several states, its rows are those
    that were delivered last. store/partner_state.py has the same rule.

    model: the mart's table. replaces_by: the columns of that key.
#}
{% macro published_rows(model, replaces_by) -%}
    {%- set key = replaces_by | join(', ') -%}
    {%- set same_key = [] -%}
    {%- for column in replaces_by -%}
        {%- do same_key.append(
            'states_of_keys.' ~ column ~ ' = delivered.' ~ column
        ) -%}
    {%- endfor -%}
with

delivered as (

    {{ published_state(model) }}

),

-- Read again and not from the CTE above, so that DuckDB does not keep all rows.
states_of_keys as (

    select
        {{ key }},
        _state,
        row_number() over (
            partition by {{ key }}
            order by max(_delivered_at) desc nulls last, _state desc
        ) as place

    from ({{ published_state(model) }}) as states
    group by {{ key }}, _state

),

renamed as (

    select
        {{ contract_columns(model) }}

    from delivered
    where
        not exists (
            select 1

            from states_of_keys
            where
                states_of_keys.place > 1
                and states_of_keys._state = delivered._state
                and {{ same_key | join(' and ') }}
        )

)

select * from renamed
{%- endmacro %}


{#
    The keys whose rows differ between a feed and the last delivery, by content or by
    number: the keys that a delta must restate. No clock is read, so a failed delivery
    loses nothing, and a second run changes nothing.

    Each row of today counts +1 and each delivered row counts -1, and the hashes of the
    rows are summed with the same sign. A key is unchanged if both sums are zero. This
    reads each side once and keeps no rows. `except all` keeps all of them and took 28
    times as long.

    feed: today's rows. published: the rows that the partner has. key: the columns that
    identify what is restated as a whole. columns: a select list, the same for both.
#}
{% macro changed_since_published(feed, published, key, columns) -%}
    select {{ key | join(', ') }}
    from (
        select {{ key | join(', ') }}, 1 as times, {{ row_hash(columns) }} as row_hash
        from {{ feed }}
        union all
        select {{ key | join(', ') }}, -1 as times, {{ row_hash(columns) }} as row_hash
        from {{ published }}
    ) as counted
    group by {{ key | join(', ') }}
    having sum(times) <> 0 or sum(times * row_hash) <> 0
{%- endmacro %}


{#
    The columns of a mart, as its contract declares them. Only known while dbt runs.

    model: the mart's table. Each version of a model has its own (order_feed_v2).
#}
{% macro contract_of(model) -%}
    {%- set marts = graph.nodes.values()
        | selectattr('resource_type', 'equalto', 'model')
        | selectattr('alias', 'equalto', model) | list -%}
    {{ return(marts[0].columns.values() | list) }}
{%- endmacro %}


{#
    The names of a mart's columns as a select list, in the order of its contract.

    model: the mart's table. replaced: SQL in place of some columns, by their names.
#}
{% macro contract_columns(model, replaced={}) -%}
    {%- set selected = [] -%}
    {%- for column in (contract_of(model) if execute else []) -%}
        {%- set sql = replaced.get(column.name) -%}
        {%- do selected.append(sql ~ ' as ' ~ column.name if sql else column.name) -%}
    {%- endfor -%}
    {{ selected | join(', ') or '*' }}
{%- endmacro %}


{#
    What the exposures deliver, as rows of (exposure, model, materialized): the model of
    each file, and the model whose rows the partner has. Only known while dbt runs.
#}
{% macro delivered_models() -%}
    {%- set rows = [] -%}
    {%- for exposure in (graph.exposures.values() if execute else []) -%}
        {%- set models = [exposure.config.meta.model, exposure.config.meta.state] -%}
        {%- for node in graph.nodes.values() if node.alias in models -%}
            {%- do rows.append(
                [exposure.name, node.alias, node.config.materialized]
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for exposure, model, materialized in rows or [['none', 'none', 'table']] %}
    select
        '{{ exposure }}' as exposure,
        '{{ model }}' as model,
        '{{ materialized }}' as materialized
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#
    The values of a column that destinations have: the one that all have, or the
    smallest and the greatest with | between them.

    column: a text.
#}
{% macro values_of_destinations(column) -%}
    nullif(
        concat_ws(
            '|', min({{ column }}), nullif(max({{ column }}), min({{ column }}))
        ),
        ''
    )
{%- endmacro %}


{#
    What partners last had of a row, or else of its part at another location.

    column: of int_parts_00_last_values, which is joined twice.
#}
{% macro last_value(column) -%}
    coalesce(last_values.{{ column }}, last_anywhere.{{ column }})
{%- endmacro %}
