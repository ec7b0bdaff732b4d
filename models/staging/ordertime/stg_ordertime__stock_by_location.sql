with

source as (

    {{ landed('ordertime', 'stock_by_location') }}

),

renamed as (

    select
        ---------- ids
        Id as stock_row_id,
        ItemRef.Id as item_id,
        LocationRef.Id as location_id,
        _extract_run_id,

        ---------- strings
        ItemRef.Name as item_name,
        LocationRef.Name as location_name,

        ---------- numerics, beside the text they were read from
        OnHand as on_hand_raw,
        Available as available_raw,
        {{ number_or_null('OnHand') }} as on_hand_quantity,
        {{ number_or_null('Available') }} as available_quantity,
        {{ number_or_null('ReorderPoint') }} as reorder_point_quantity,

        ---------- timestamps
        _extracted_at

    from source

)

select * from renamed
