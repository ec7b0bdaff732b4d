-- The location of each stock row under the partner's code, and the quantity that may be
-- offered.

with

stock_by_location as (

    select * from {{ ref('stg_ordertime__stock_by_location') }}

),

locations as (

    select * from {{ ref('stg_ordertime__locations') }}

),

location_map as (

    select * from {{ ref('location_map') }}

),

located as (

    select
        stock_by_location.item_id,
        stock_by_location.item_name,
        stock_by_location.stock_row_id,
        stock_by_location.location_id,
        stock_by_location.location_name,
        location_map.location_code,
        -- An unknown location is not open: its stock may be returns.
        coalesce(locations.is_available and locations.is_active, false)
            as is_location_open,
        stock_by_location.on_hand_raw,
        stock_by_location.available_raw,
        stock_by_location.on_hand_quantity,
        coalesce(stock_by_location.available_quantity, 0) as available_quantity,
        {{ saleable_quantity(
            'stock_by_location.on_hand_quantity',
            'stock_by_location.available_quantity'
        ) }} as saleable_quantity,
        stock_by_location._extract_run_id,
        stock_by_location._extracted_at

    from stock_by_location
    left join locations
        on stock_by_location.location_id = locations.location_id
    left join location_map
        on
            upper(trim(stock_by_location.location_name))
            = upper(location_map.location_name)

),

final as (

    select
        item_id,
        item_name,
        stock_row_id,
        location_id,
        location_name,
        location_code,
        is_location_open,
        on_hand_raw,
        available_raw,
        on_hand_quantity,
        available_quantity,
        saleable_quantity,
        -- There is stock, but all of it is safety stock.
        on_hand_quantity >= 1
        and available_quantity >= 1
        and saleable_quantity < 1 as is_kept_back,
        _extract_run_id,
        _extracted_at

    from located

)

select * from final
