-- Each warning an order bears is in the seed that says what it means.

with

order_audit as (

    select * from {{ ref('order_audit') }}

),

order_warning_codes as (

    select * from {{ ref('order_warning_codes') }}

),

combinations as (

    select distinct warnings from order_audit

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
left join order_warning_codes
    on given.warning_code = order_warning_codes.warning_code
where order_warning_codes.warning_code is null
