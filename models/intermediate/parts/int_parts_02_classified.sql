-- The part type of each item. The type field of the item decides. The item group is
-- used only if the field is blank. An unknown word in the field gives no type, and a
-- later rule sends the part to review.

with

parts_parsed as (

    select * from {{ ref('int_parts_01_parsed') }}

),

part_type_synonyms as (

    select * from {{ ref('part_type_synonyms') }}

),

certification_synonyms as (

    select * from {{ ref('certification_synonyms') }}

),

item_group_part_types as (

    select
        item_group,
        part_type,
        is_offered,
        {{ tidied('part_category') }} as part_category

    from {{ ref('item_group_part_types') }}

),

part_types as (

    select * from {{ ref('part_types') }}

),

claimed as (

    select
        parts_parsed.*,
        item_group_part_types.item_group is not null as is_category_mapped,
        item_group_part_types.part_category as mapped_category,
        coalesce(item_group_part_types.is_offered, true) as is_group_offered,
        case
            when nullif({{ trimmed('parts_parsed.part_type_name') }}, '') is null
                then item_group_part_types.part_type
            else part_type_synonyms.part_type
        end as claimed_type,
        coalesce(
            certification_synonyms.certification = 'CAPA'
            or parts_parsed.partslink_suffix in ('C', 'CAPA'), false
        ) as has_capa_evidence,
        coalesce(
            certification_synonyms.certification = 'NSF'
            or parts_parsed.partslink_suffix in ('N', 'NSF'), false
        ) as has_nsf_evidence,
        nullif({{ trimmed('parts_parsed.known_certification_name') }}, '') is not null
        and certification_synonyms.synonym is null as is_certification_unknown

    from parts_parsed
    left join part_type_synonyms
        on
            {{ list_key('parts_parsed.part_type_name') }}
            = {{ list_key('part_type_synonyms.synonym') }}
    left join certification_synonyms
        on
            {{ list_key('parts_parsed.certification_name') }}
            = {{ list_key('certification_synonyms.synonym') }}
    left join item_group_part_types
        on
            {{ list_key('parts_parsed.item_group_name') }}
            = {{ list_key('item_group_part_types.item_group') }}

),

-- A company may choose to offer a CAPA part without a proven certificate as AM. This is
-- never the default.
downgraded as (

    select
        *,
        {{ var('capa_downgrade') }}
        and coalesce(claimed_type = 'CAPA', false)
        and not has_capa_evidence as is_capa_downgraded

    from claimed

),

final as (

    select
        ---------- the item as it was read
        downgraded.item_id,
        downgraded.item_name,
        downgraded.item_type_id,
        downgraded.item_group_name,
        downgraded.manufacturer_name,
        downgraded.manufacturer_part_number,
        downgraded.upc,
        downgraded.description,
        downgraded.part_type_name,
        downgraded.certification_name,
        downgraded.oem_number,
        downgraded.partslink,
        downgraded.od_source,
        downgraded.alternate_numbers,
        downgraded.vehicle_make,
        downgraded.vehicle_model,
        downgraded.price_raw,
        downgraded.standard_cost_raw,
        downgraded.weight_raw,
        downgraded.list_price_raw,
        downgraded.core_charge_raw,
        downgraded.year_from_raw,
        downgraded.year_to_raw,
        downgraded.price,
        downgraded.standard_cost,
        downgraded.weight,
        downgraded.list_price,
        downgraded.core_charge,
        downgraded.year_from,
        downgraded.year_to,
        downgraded.is_active,
        downgraded.modified_at,
        downgraded._extract_run_id,
        downgraded._extracted_at,

        ---------- from the steps before
        downgraded.supplier_sku,
        downgraded.maker_number,
        downgraded.replaced_number,
        downgraded.quantity_pieces,
        downgraded.price_pieces,
        downgraded.is_unit_unknown,
        downgraded.known_alternate_numbers,
        downgraded.known_manufacturer_name,
        downgraded.known_vehicle_make,
        downgraded.known_vehicle_model,
        downgraded.has_od_source,
        downgraded.partslink_base,
        downgraded.is_partslink_invalid,
        downgraded.gtin,
        downgraded.is_gtin_invalid,

        ---------- added by this step
        downgraded.is_category_mapped,
        downgraded.mapped_category,
        downgraded.is_group_offered,
        downgraded.has_capa_evidence,
        downgraded.has_nsf_evidence,
        downgraded.is_certification_unknown,
        downgraded.is_capa_downgraded,
        part_types.part_type,
        part_types.cieca_part_type,
        part_types.certification,
        coalesce(part_types.is_genuine, false) as is_genuine,
        part_types.is_offered as is_type_offered

    from downgraded
    left join part_types
        on
            case
                when downgraded.is_capa_downgraded then 'AM'
                else downgraded.claimed_type
            end = part_types.part_type

)

select * from final
