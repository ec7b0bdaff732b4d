-- Every item in the partner's shape, with what was cut or left out on the way.

with

parts_numbered as (

    select * from {{ ref('int_parts_numbered') }}

),

parts_typed as (

    select * from {{ ref('int_parts_typed') }}

),

parts_identified as (

    select * from {{ ref('int_parts_identified') }}

),

parts_described as (

    select * from {{ ref('int_parts_described') }}

),

parts_priced as (

    select * from {{ ref('int_parts_priced') }}

),

final as (

    select
        parts_typed.item_id,
        parts_identified.supplier_sku,
        parts_typed.part_type,
        parts_typed.cieca_part_type,
        parts_typed.certification,
        parts_described.brand,
        parts_identified.mfr_part_number,
        parts_identified.oem_part_number,
        parts_identified.oem_part_number_key,
        parts_identified.alt_part_numbers,
        parts_identified.partslink_number,
        parts_numbered.gtin,
        parts_described.description,
        parts_described.part_category,
        parts_described.vehicle_make,
        parts_described.vehicle_model,
        parts_described.year_from,
        parts_described.year_to,
        parts_priced.list_price,
        parts_priced.sell_price,
        parts_priced.core_charge,
        parts_priced.weight_lb,
        concat_ws(
            '|',
            case when parts_identified.is_alternate_dropped then 'ALT_NUMBERS_DROPPED' end,
            case when parts_described.is_brand_cut then 'BRAND_CUT' end,
            case when parts_typed.is_capa_downgraded then 'CAPA_DOWNGRADED' end,
            case when parts_described.is_category_cut then 'CATEGORY_CUT' end,
            case when not parts_typed.is_category_mapped then 'CATEGORY_UNMAPPED' end,
            case when parts_described.is_description_cut then 'DESC_CUT' end,
            case when parts_described.is_fitment_partial then 'FITMENT_PARTIAL' end,
            case when parts_numbered.is_gtin_invalid then 'GTIN_INVALID' end,
            case when parts_priced.is_list_price_invalid then 'LIST_PRICE_INVALID' end,
            case when parts_identified.is_oem_number_dropped then 'OEM_NO_SHORT' end,
            case when parts_numbered.is_partslink_invalid then 'PARTSLINK_INVALID' end,
            case when parts_priced.is_weight_invalid then 'WEIGHT_INVALID' end
        ) as warnings

    from parts_typed
    inner join parts_numbered
        on parts_typed.item_id = parts_numbered.item_id
    inner join parts_identified
        on parts_typed.item_id = parts_identified.item_id
    inner join parts_described
        on parts_typed.item_id = parts_described.item_id
    inner join parts_priced
        on parts_typed.item_id = parts_priced.item_id

)

select * from final
