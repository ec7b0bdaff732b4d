-- Amounts, rounded half up, once. What is unlawful becomes null and says so.

with

parts_described as (

    select * from {{ ref('int_parts_described') }}

),

rounded as (

    select
        *,
        {{ money('price') }} as sell_price,
        {{ money_within('list_price', var('price_limit')) }} as feed_list_price,
        {{ money_within('weight', 9999.99) }} as weight_lb,
        -- No core charge is a charge of nothing, a wrong one is a question.
        case
            when nullif(trim(core_charge_raw), '') is null
                then cast(0 as decimal(18, 2))
            when core_charge between 0 and {{ var('price_limit') }}
                then {{ money('core_charge') }}
        end as feed_core_charge

    from parts_described

),

final as (

    select
        *,
        feed_list_price is null
        and nullif(trim(list_price_raw), '') is not null
        and coalesce(list_price, -1) <> 0 as is_list_price_invalid,
        weight_lb is null
        and nullif(trim(weight_raw), '') is not null
        and coalesce(weight, -1) <> 0 as is_weight_invalid

    from rounded

)

select * from final
