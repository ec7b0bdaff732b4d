{#
    How many keys a relation holds, and a sum of their hashes: two relations hold the
    same keys, in whatever order, where both agree. One row, for a balance.

    sum_of: what is counted ("rows of stock", "orders"). stage: where.
    relation: the relation. keys: its key columns, as a select list.
    condition: SQL, which of its rows count.
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
    The stages of a balance at which the keys are not those that were landed.

    balance: rows as `keys_counted` gives them, the stage `landed` among them.
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
