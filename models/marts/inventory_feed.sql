with

parts_shown as (

    select * from {{ ref('int_parts_15_shown') }}

),

final as (

    select
        '{{ var("supplier_code") }}' as supplier_code,
        location_code,
        supplier_sku,
        part_type,
        cieca_part_type,
        certification,
        -- A part whose texts say otherwise is in review (CONDITION_DOUBTFUL).
        'NEW' as condition,
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
        saleable_quantity as qty_on_hand,
        list_price,
        sell_price,
        core_charge,
        weight_lb,
        updated_at

    from parts_shown
    where status = 'ELIGIBLE'

)

select * from final
