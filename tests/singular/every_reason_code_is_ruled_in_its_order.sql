-- Each code of the seed is given by a rule, at its position, and each rule gives a
-- code of the seed: an analyst reads there what a rule means and what to do. A type we
-- offer has its code too.
-- depends_on: {{ ref('int_parts_scoped') }}
-- depends_on: {{ ref('int_parts_ruled') }}
-- depends_on: {{ ref('int_parts_decided') }}

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
