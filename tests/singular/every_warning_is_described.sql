-- Every warning of a row is in the seed with its meaning.

with

inventory_audit as (

    select * from {{ ref('inventory_audit') }}

),

warning_codes as (

    select * from {{ ref('warning_codes') }}

),

combinations as (

    select distinct warnings from inventory_audit

),

given as (

    select distinct warning_code

    from (
        select {{ values_of(codes_of('warnings'), 'warning_code') }}
        from combinations
    ) as listed

)

select given.warning_code

from given
left join warning_codes
    on given.warning_code = warning_codes.warning_code
where warning_codes.warning_code is null
