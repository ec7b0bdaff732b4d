-- Every number a part is known by, in the shape of its kind. Nothing is judged here: a
-- number that is wrong stays as it is, for a rule to name.

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

-- Partslink by position: two of the maker, four digits of the part, three of the
-- sequence, which since 2024 may hold letters. What follows the ninth character is
-- the variant, and C or N there speaks of a certificate.
final as (

    select
        *,
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
