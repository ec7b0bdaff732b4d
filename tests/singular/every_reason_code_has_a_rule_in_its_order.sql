-- Every code of the seed has a rule at its position, and every rule has a code in the
-- seed, where analysts read what the rule means and what to do. Every offered type has
-- a code.
-- depends_on: {{ ref('int_parts_11_place_codes') }}
-- depends_on: {{ ref('int_parts_08_item_codes') }}
-- depends_on: {{ ref('int_parts_13_all_codes') }}

with

reason_codes as (

    select * from {{ ref('reason_codes') }}

),

part_types as (

    select * from {{ ref('part_types') }}

),

described as (

    select
        reason_code,
        case when status <> 'ELIGIBLE' then position end as position

    from reason_codes

),

ruled as (

    {{ numbered_rows(ruled_codes() if execute else []) }}

    union all

    select
        null as position,
        'OK_' || part_type as reason_code

    from part_types
    where is_offered

)

select
    described.reason_code as described_code,
    described.position as described_position,
    ruled.reason_code as ruled_code,
    ruled.position as ruled_position

from described
full outer join ruled
    on described.reason_code = ruled.reason_code
where
    described.reason_code is null
    or ruled.reason_code is null
    or described.position is distinct from ruled.position
