with

delivered as (

    {{ published_by_destination('inventory_feed') }}

),

renamed as (

    select
        supplier_code,
        location_code,
        supplier_sku,
        part_type,
        cieca_part_type,
        certification,
        condition,
        brand,
        mfr_part_number,
        oem_part_number,
        oem_part_number_key,
        alt_part_numbers,
        partslink_number,
        gtin,
        description,
        part_category,
        vehicle_make,
        vehicle_model,
        year_from,
        year_to,
        qty_on_hand,
        list_price,
        sell_price,
        core_charge,
        weight_lb,
        updated_at,
        _delivered_at,
        coalesce(_is_former, false) as _is_former,
        destination

    from delivered

)

select * from renamed
