-- All codes of a row, in the order of the rules: the codes of its place, the codes of
-- its item, and the few that need both.

with

place_codes as (

    select * from {{ ref('int_parts_11_place_codes') }}

),

parts_normalised as (

    select * from {{ ref('int_parts_06_normalised') }}

),

item_codes as (

    select * from {{ ref('int_parts_08_item_codes') }}

),

parts_repeated as (

    select * from {{ ref('int_parts_12_repeated') }}

),

inventory_published as (

    select * from {{ ref('stg_published__inventory_feed') }}

),

final as (

    select
        place_codes.item_id,
        place_codes.item_name,
        place_codes.stock_row_id,
        place_codes.location_id,
        place_codes.location_name,
        place_codes.location_code,
        place_codes.on_hand_raw,
        place_codes.available_raw,
        place_codes.saleable_quantity,
        place_codes._extract_run_id,
        place_codes._extracted_at,
        parts_repeated.is_gtin_shared,
        parts_repeated.is_partslink_shared,
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
                    parts_normalised.part_type = 'OD'
                    and place_codes.on_hand_quantity > 0
                    and place_codes.on_hand_quantity < {{ var('od_min_on_hand') }}
                    then 'OD_LOW_STOCK'
            end,
            nullif(item_codes.certificate_codes, ''),
            nullif(item_codes.price_codes, ''),
            case
                when
                    abs(parts_normalised.sell_price - inventory_published.sell_price)
                    > inventory_published.sell_price * {{ var('price_jump_share') }}
                    then 'PRICE_JUMP'
            end
        ) as reason_codes

    from place_codes
    left join parts_normalised
        on place_codes.item_id = parts_normalised.item_id
    left join item_codes
        on place_codes.item_id = item_codes.item_id
    left join parts_repeated
        on
            -- A key that is null unless the row is in play: a condition beside the
            -- keys would compare every row with every repeated one.
            case when place_codes.is_in_play then place_codes.location_code end
            = parts_repeated.location_code
            and place_codes.item_id = parts_repeated.item_id
    left join inventory_published
        on
            place_codes.location_code = inventory_published.location_code
            and parts_normalised.supplier_sku = inventory_published.supplier_sku
            and inventory_published._is_former is not true

)

select * from final
