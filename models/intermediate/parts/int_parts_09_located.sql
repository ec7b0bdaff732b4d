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

parts_normalised as (

    select * from {{ ref('int_parts_06_normalised') }}

),

-- Stock is counted in the unit of the item, and offered in pieces.
stock_pieces as (

    select
        stock_by_location.*,
        stock_by_location.on_hand_quantity
        * coalesce(parts_normalised.quantity_pieces, 1) as on_hand_pieces,
        stock_by_location.available_quantity
        * coalesce(parts_normalised.quantity_pieces, 1) as available_pieces

    from stock_by_location
    left join parts_normalised
        on stock_by_location.item_id = parts_normalised.item_id

),

located as (

    select
        stock_pieces.item_id,
        stock_pieces.item_name,
        stock_pieces.stock_row_id,
        stock_pieces.location_id,
        stock_pieces.location_name,
        location_map.location_code,
        -- An unknown location is not open: its stock may be returns.
        coalesce(locations.is_available and locations.is_active, false)
            as is_location_open,
        stock_pieces.on_hand_raw,
        stock_pieces.available_raw,
        stock_pieces.on_hand_pieces as on_hand_quantity,
        coalesce(stock_pieces.available_pieces, 0) as available_quantity,
        {{ saleable_quantity(
            'stock_pieces.on_hand_pieces',
            'stock_pieces.available_pieces'
        ) }} as saleable_quantity,
        stock_pieces._extract_run_id,
        stock_pieces._extracted_at

    from stock_pieces
    left join locations
        on stock_pieces.location_id = locations.location_id
    left join location_map
        on
            {{ list_key('stock_pieces.location_name') }}
            = {{ list_key('location_map.location_name') }}

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
