-- Amounts, rounded half up, once. What is unlawful becomes null and says so.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

rounded as (

    select
        item_id,
        price,
        standard_cost,
        {{ money('price') }} as sell_price,
        {{ money_within('list_price', var('price_limit')) }} as list_price,
        {{ money_within('weight', 9999.99) }} as weight_lb,
        nullif(trim(list_price_raw), '') is not null
        and list_price is distinct from 0 as has_list_price,
        nullif(trim(weight_raw), '') is not null
        and weight is distinct from 0 as has_weight,
        -- No core charge is a charge of nothing, a wrong one is a question.
        case
            when nullif(trim(core_charge_raw), '') is null then 0
            when core_charge between 0 and {{ var('price_limit') }}
                then {{ money('core_charge') }}
        end as core_charge

    from part_items

),

final as (

    select
        item_id,
        price,
        standard_cost,
        sell_price,
        list_price,
        cast(core_charge as decimal(18, 2)) as core_charge,
        weight_lb,
        has_list_price and list_price is null as is_list_price_invalid,
        core_charge is null as is_core_charge_invalid,
        has_weight and weight_lb is null as is_weight_invalid

    from rounded

)

select * from final
