-- All codes of a row, in the order of the rules: the codes of its place, the codes of
-- its item, and the few that need both.

with

place_codes as (

    select * from {{ ref('int_parts_11_place_codes') }}

),

item_codes as (

    select * from {{ ref('int_parts_08_item_codes') }}

),

parts_repeated as (

    select * from {{ ref('int_parts_12_repeated') }}

),

last_values as (

    select * from {{ ref('int_parts_00_last_values') }}

),

-- For keys that are new to the partner.
last_anywhere as (

    select *
    from last_values
    where location_code is null

),

final as (

    select
        place_codes.item_id,
        place_codes.stock_item_name,
        place_codes.stock_row_id,
        place_codes.location_id,
        place_codes.location_name,
        place_codes.location_code,
        place_codes.on_hand_raw,
        place_codes.available_raw,
        place_codes.saleable_quantity,
        place_codes._extract_run_id,
        place_codes._extracted_at,
        item_codes.part_type,
        parts_repeated.is_gtin_shared,
        parts_repeated.is_partslink_shared,
        parts_repeated.is_sku_alike,
        item_codes.brand <> {{ last_value('brand') }} as is_brand_changed,
        item_codes.certification <> {{ last_value('certification') }}
            as is_certification_changed,
        {{ last_value('part_type') }} as last_part_type,
        -- Of two partners the one whose price is further away.
        case
            when
                abs(item_codes.sell_price - {{ last_value('least_sell_price') }})
                > abs(item_codes.sell_price - {{ last_value('sell_price') }})
                then {{ last_value('least_sell_price') }}
            else {{ last_value('sell_price') }}
        end as last_sell_price,
        {{ last_value('delivered_at') }} as last_delivered_at,
        concat_ws(
            '|',
            nullif(place_codes.scope_codes, ''),
            nullif(place_codes.sanity_codes, ''),
            nullif(place_codes.filter_codes, ''),
            nullif(item_codes.identity_codes, ''),
            case when parts_repeated.is_key_repeated then 'DUP_KEY' end,
            case when parts_repeated.is_part_repeated then 'DUP_PART' end,
            nullif(item_codes.discount_codes, ''),
            case
                when
                    item_codes.part_type = 'OD'
                    and place_codes.on_hand_quantity > 0
                    and place_codes.on_hand_quantity < {{ var('od_min_on_hand') }}
                    then 'OD_LOW_STOCK'
            end,
            nullif(item_codes.certificate_codes, ''),
            case
                when
                    item_codes.part_type <> case
                        when item_codes.is_capa_downgraded
                            then nullif(
                                regexp_replace(
                                    {{ last_value('part_type') }}, '(^|[|])CAPA$', ''
                                ),
                                ''
                            )
                        else {{ last_value('part_type') }}
                    end
                    and item_codes.part_type
                    is distinct from last_values.confirmed_part_type
                    then 'TYPE_CHANGED'
            end,
            nullif(item_codes.price_codes, ''),
            case
                when
                    (
                        abs(item_codes.sell_price - {{ last_value('sell_price') }})
                        > {{ last_value('sell_price') }}
                        * {{ var('price_jump_share') }}
                        or abs(
                            item_codes.sell_price
                            - {{ last_value('least_sell_price') }}
                        )
                        > {{ last_value('least_sell_price') }}
                        * {{ var('price_jump_share') }}
                    )
                    and item_codes.sell_price
                    is distinct from last_values.confirmed_sell_price
                    then 'PRICE_JUMP'
            end
        ) as reason_codes

    from place_codes
    left join item_codes
        on place_codes.item_id = item_codes.item_id
    left join parts_repeated
        on
            -- A key that is null unless the row is in play: a condition beside the
            -- keys would compare every row with every repeated one.
            case when place_codes.is_in_play then place_codes.location_code end
            = parts_repeated.location_code
            and place_codes.item_id = parts_repeated.item_id
    left join last_values
        on
            place_codes.location_code = last_values.location_code
            and item_codes.supplier_sku = last_values.supplier_sku
    left join last_anywhere
        on
            case
                when
                    last_values.supplier_sku is null
                    and place_codes.location_code is not null
                    then item_codes.supplier_sku
            end = last_anywhere.supplier_sku

)

select * from final
