-- The part numbers of every item, each in the standard form of its kind. A wrong number
-- is kept as it is. A later rule finds it.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

cleaned as (

    select
        *,
        nullif(item_name, '') as supplier_sku,
        nullif(trim(manufacturer_part_number), '') as maker_number,
        nullif(upper(trim(oem_number)), '') as replaced_number,
        nullif(trim(upc), '') as scanned_number,
        {{ partslink_text('partslink', 'item_name') }} as partslink_text

    from part_items

),

shaped as (

    select
        *,
        {{ is_partslink('partslink_text') }} as is_partslink

    from cleaned

),

-- A Partslink number has two characters for the maker, four digits for the part and
-- three for the sequence, which may contain letters since 2024. From the tenth
-- character on it is the variant. C or N there stands for a certificate.
final as (

    select
        ---------- the item as it was read
        item_id,
        item_name,
        item_type_id,
        item_group_name,
        manufacturer_name,
        manufacturer_part_number,
        upc,
        description,
        part_type_name,
        certification_name,
        oem_number,
        partslink,
        od_source,
        alternate_numbers,
        vehicle_make,
        vehicle_model,
        price_raw,
        weight_raw,
        list_price_raw,
        core_charge_raw,
        year_from_raw,
        year_to_raw,
        price,
        standard_cost,
        weight,
        list_price,
        core_charge,
        year_from,
        year_to,
        is_active,
        modified_at,
        _extract_run_id,
        _extracted_at,

        ---------- added by this step
        supplier_sku,
        maker_number,
        replaced_number,
        case when is_partslink then left(partslink_text, 9) end as partslink_base,
        case when is_partslink then substr(partslink_text, 10) end
            as partslink_suffix,
        not coalesce(is_partslink, true) as is_partslink_invalid,
        {{ gtin_14('scanned_number') }} as gtin,
        scanned_number is not null and {{ gtin_14('scanned_number') }} is null
            as is_gtin_invalid

    from shaped

)

select * from final
