-- All the codes of a row, in the order of the rules: those of its place, those of its
-- item, and between them the few that need both.

with

parts_scoped as (

    select * from {{ ref('int_parts_scoped') }}

),

parts_normalised as (

    select * from {{ ref('int_parts_normalised') }}

),

parts_ruled as (

    select * from {{ ref('int_parts_ruled') }}

),

keys_repeated as (

    select * from {{ ref('int_keys_repeated') }}

),

parts_repeated as (

    select * from {{ ref('int_parts_repeated') }}

),

inventory_published as (

    select * from {{ ref('stg_published__inventory_feed') }}

),

final as (

    select
        parts_scoped.item_id,
        parts_scoped.item_name,
        parts_scoped.stock_row_id,
        parts_scoped.location_id,
        parts_scoped.location_name,
        parts_scoped.location_code,
        parts_scoped.on_hand_raw,
        parts_scoped.available_raw,
        parts_scoped.saleable_quantity,
        parts_scoped._extract_run_id,
        parts_scoped._extracted_at,
        concat_ws(
            '|',
            nullif(parts_scoped.scope_codes, ''),
            nullif(parts_scoped.sanity_codes, ''),
            nullif(parts_scoped.filter_codes, ''),
            nullif(parts_ruled.identity_codes, ''),
            case when keys_repeated.supplier_sku is not null then 'DUP_KEY' end,
            case when parts_repeated.item_id is not null then 'DUP_PART' end,
            nullif(parts_ruled.discount_codes, ''),
            case
                when
                    parts_normalised.part_type = 'OD'
                    and parts_scoped.on_hand_quantity > 0
                    and parts_scoped.on_hand_quantity < {{ var('od_min_on_hand') }}
                    then 'OD_LOW_STOCK'
            end,
            nullif(parts_ruled.certificate_codes, ''),
            nullif(parts_ruled.price_codes, ''),
            case
                when
                    abs(parts_normalised.sell_price - inventory_published.sell_price)
                    > inventory_published.sell_price * {{ var('price_jump_share') }}
                    then 'PRICE_JUMP'
            end
        ) as reason_codes

    from parts_scoped
    left join parts_normalised
        on parts_scoped.item_id = parts_normalised.item_id
    left join parts_ruled
        on parts_scoped.item_id = parts_ruled.item_id
    left join keys_repeated
        on
            parts_scoped.is_in_play
            and parts_scoped.location_code = keys_repeated.location_code
            and parts_normalised.supplier_sku = keys_repeated.supplier_sku
    left join parts_repeated
        on
            parts_scoped.is_in_play
            and parts_scoped.location_code = parts_repeated.location_code
            and parts_scoped.item_id = parts_repeated.item_id
    left join inventory_published
        on
            parts_scoped.location_code = inventory_published.location_code
            and parts_normalised.supplier_sku = inventory_published.supplier_sku

)

select * from final
