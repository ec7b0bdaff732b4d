{#
    How many keys a relation has, and the sum of their hashes, as one row of a balance.
    Two relations have the same keys, in any order, if both values are equal.

    sum_of: what is counted ("rows of stock", "orders"). stage: the stage of the
    pipeline. relation: the relation. keys: its key columns, as a select list.
    condition: SQL that says which rows count.
#}
{% macro keys_counted(sum_of, stage, relation, keys, condition='true') -%}
    select
        '{{ sum_of }}' as sum_of,
        '{{ stage }}' as stage,
        count(*) as keys,
        coalesce(sum({{ row_hash(keys) }}), 0) as keys_hashed
    from {{ relation }}
    where {{ condition }}
{%- endmacro %}


{#
    The stages of a balance whose keys differ from the landed keys.

    balance: rows from `keys_counted`, one of them for the stage `landed`.
#}
{% macro stages_out_of_balance(balance) -%}
    select
        counted.sum_of,
        counted.stage,
        landed.keys as keys_landed,
        counted.keys,
        landed.keys_hashed as keys_landed_hashed,
        counted.keys_hashed
    from {{ balance }} as landed
    inner join {{ balance }} as counted
        on landed.sum_of = counted.sum_of
    where
        landed.stage = 'landed'
        and (
            landed.keys <> counted.keys
            or landed.keys_hashed <> counted.keys_hashed
        )
{%- endmacro %}
