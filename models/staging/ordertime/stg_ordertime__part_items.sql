with

source as (

    {{ landed('ordertime', 'part_items') }}

),

renamed as (

    select
        ---------- ids
        Id as item_id,
        ItemGroupRef.Id as item_group_id,
        ManufacturerRef.Id as manufacturer_id,
        UomRef.Id as unit_id,
        UomSetRef.Id as unit_set_id,
        Type as item_type_id,
        _extract_run_id,

        ---------- strings
        Name as item_name,
        FullName as item_full_name,
        Parent as parent_item_name,
        ItemGroupRef.Name as item_group_name,
        ManufacturerRef.Name as manufacturer_name,
        UomRef.Name as unit_name,
        UomSetRef.Name as unit_set_name,
        ManufacturerPartNo as manufacturer_part_number,
        UPC as upc, -- noqa: AL09
        Description as description, -- noqa: AL09
        PurchaseDesc as purchase_description,
        Note as note, -- noqa: AL09
        cf_part_type as part_type_name,
        cf_certification as certification_name,
        cf_oem_number as oem_number,
        cf_partslink as partslink,
        cf_od_source as od_source,
        cf_alternate_numbers as alternate_numbers,
        cf_vehicle_make as vehicle_make,
        cf_vehicle_model as vehicle_model,

        ---------- numerics, beside the text they were read from
        Price as price_raw,
        StdCost as standard_cost_raw,
        Weight as weight_raw,
        cf_list_price as list_price_raw,
        cf_core_charge as core_charge_raw,
        cf_year_from as year_from_raw,
        cf_year_to as year_to_raw,
        {{ number_or_null('Price') }} as price,
        {{ number_or_null('StdCost') }} as standard_cost,
        {{ number_or_null('Weight') }} as weight,
        {{ number_or_null('cf_list_price') }} as list_price,
        {{ number_or_null('cf_core_charge') }} as core_charge,
        {{ number_or_null('cf_year_from') }} as year_from,
        {{ number_or_null('cf_year_to') }} as year_to,

        ---------- booleans
        IsActive as is_active,
        TrackLotOrSerial as is_lot_or_serial_tracked,
        UomRef is not null as has_unit_reference,
        UomSetRef is not null as has_unit_set_reference,

        ---------- timestamps
        coalesce(
            {{ utc_timestamp('RecordInfo.CreatedDate') }},
            cast({{ iso_date('RecordInfo.CreatedDate') }} as timestamp)
        ) as created_at,
        coalesce(
            {{ utc_timestamp('RecordInfo.ModifiedDate') }},
            cast({{ iso_date('RecordInfo.ModifiedDate') }} as timestamp)
        ) as modified_at,
        _extracted_at

    from source

)

select * from renamed
