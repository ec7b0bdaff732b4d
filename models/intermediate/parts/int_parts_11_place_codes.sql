-- Steps 1 to 3 of the rules, in their order: the rules about an item at a location.
-- They decide whether the row is in play. One line is one rule: a condition and its
-- code.

with

parts_placed as (

    select * from {{ ref('int_parts_10_placed') }}

),

ruled as (

    select
        item_id,
        stock_item_name,
        stock_row_id,
        location_id,
        location_name,
        location_code,
        on_hand_raw,
        available_raw,
        on_hand_quantity,
        saleable_quantity,
        _extract_run_id,
        _extracted_at,

        -- 1 scope
        concat_ws(
            '|',
            case when not is_active then 'ITEM_INACTIVE' end,
            case when not is_item_known or not is_stock_item then 'NOT_STOCK_ITEM' end,
            case when is_protected then 'PROTECTED_PART' end,
            case
                when has_stock_row and location_code is null then 'LOCATION_EXCLUDED'
            end,
            case when not is_type_offered then 'TYPE_NOT_OFFERED' end
        ) as scope_codes,

        -- 2 sanity, before the filter: a negative quantity is not the same as zero
        concat_ws(
            '|',
            case when has_stock_row and on_hand_quantity is null then 'QTY_MISSING' end,
            case when on_hand_quantity < 0 then 'QTY_NEGATIVE' end,
            case
                when on_hand_quantity <> floor(on_hand_quantity) then 'QTY_FRACTION'
            end,
            case
                when on_hand_quantity > {{ var('qty_limit') }} then 'QTY_IMPLAUSIBLE'
            end
        ) as sanity_codes,

        -- 3 filter, on On Hand. Even with stock on hand, nothing may be left to sell
        concat_ws(
            '|',
            case when not has_stock_row or on_hand_quantity = 0 then 'ON_HAND_ZERO' end,
            case when is_kept_back then 'ON_HAND_ZERO' end,
            case
                when not is_location_open and location_code is not null
                    then 'LOCATION_EXCLUDED'
            end,
            case
                when on_hand_quantity >= 1 and available_quantity < 1
                    then 'QTY_NOT_AVAILABLE'
            end
        ) as filter_codes

    from parts_placed

),

final as (

    select
        item_id,
        stock_item_name,
        stock_row_id,
        location_id,
        location_name,
        location_code,
        on_hand_raw,
        available_raw,
        on_hand_quantity,
        saleable_quantity,
        scope_codes,
        sanity_codes,
        filter_codes,
        scope_codes = '' and filter_codes in ('', 'QTY_NOT_AVAILABLE')
            as is_in_play,
        _extract_run_id,
        _extracted_at

    from ruled

)

select * from final
