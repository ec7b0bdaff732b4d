-- Every number a part is known by, in the shape the partner reads. Nothing is judged
-- here: a number that is wrong stays as it is, for a rule to name.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

cleaned as (

    select
        item_id,
        nullif(item_name, '') as supplier_sku,
        nullif(trim(manufacturer_part_number), '') as maker_number,
        nullif(upper(trim(oem_number)), '') as oem_number,
        nullif(trim(alternate_numbers), '') as alternate_numbers,
        nullif(trim(upc), '') as upc,
        {{ partslink_text('partslink', 'item_name') }} as partslink

    from part_items

),

-- Partslink by position: two of the maker, four digits of the part, three of the
-- sequence, which since 2024 may end in a letter. What follows the ninth character
-- is the variant, and C or N there speaks of a certificate.
parsed as (

    select
        item_id,
        supplier_sku,
        maker_number,
        oem_number,
        alternate_numbers,
        upc,
        partslink is not null as has_partslink,
        case when {{ is_partslink('partslink') }} then left(partslink, 9) end
            as partslink_number,
        case when {{ is_partslink('partslink') }} then substr(partslink, 10) end
            as partslink_suffix

    from cleaned

),

final as (

    select
        item_id,
        supplier_sku,
        maker_number,
        oem_number,
        {{ part_number_key('maker_number') }} as maker_number_key,
        {{ part_number_key('oem_number') }} as oem_number_key,
        alternate_numbers,
        partslink_number,
        partslink_suffix,
        has_partslink and partslink_number is null as is_partslink_invalid,
        {{ gtin_14('upc') }} as gtin,
        upc is not null and {{ gtin_14('upc') }} is null as is_gtin_invalid

    from parsed

)

select * from final
