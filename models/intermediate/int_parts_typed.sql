-- What kind of part each item is. The item's own word comes first and its group only
-- where there is none: a word we do not know is a question, not a reason to guess.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

parts_numbered as (

    select * from {{ ref('int_parts_numbered') }}

),

part_type_synonyms as (

    select * from {{ ref('part_type_synonyms') }}

),

certification_synonyms as (

    select * from {{ ref('certification_synonyms') }}

),

item_group_part_types as (

    select * from {{ ref('item_group_part_types') }}

),

part_types as (

    select * from {{ ref('part_types') }}

),

claimed as (

    select
        part_items.item_id,
        {{ tidied('part_items.item_group_name') }} as item_group_name,
        nullif(trim(part_items.od_source), '') is not null as has_od_source,
        item_group_part_types.part_category,
        item_group_part_types.item_group is not null as is_category_mapped,
        coalesce(item_group_part_types.is_offered, true) as is_group_offered,
        case
            when nullif(trim(part_items.part_type_name), '') is null
                then item_group_part_types.part_type
            else part_type_synonyms.part_type
        end as part_type,
        coalesce(
            certification_synonyms.certification = 'CAPA'
            or parts_numbered.partslink_suffix = 'C', false
        ) as has_capa_evidence,
        coalesce(
            certification_synonyms.certification = 'NSF'
            or parts_numbered.partslink_suffix = 'N', false
        ) as has_nsf_evidence

    from part_items
    inner join parts_numbered
        on part_items.item_id = parts_numbered.item_id
    left join part_type_synonyms
        on upper(trim(part_items.part_type_name)) = part_type_synonyms.synonym
    left join certification_synonyms
        on
            upper(trim(part_items.certification_name))
            = certification_synonyms.synonym
    left join item_group_part_types
        on
            upper(trim(part_items.item_group_name))
            = upper(item_group_part_types.item_group)

),

-- Offering an unproven CAPA part as AM is a company's choice, never a default.
downgraded as (

    select
        item_id,
        item_group_name,
        has_od_source,
        part_category,
        is_category_mapped,
        is_group_offered,
        has_capa_evidence,
        has_nsf_evidence,
        part_type,
        {{ var('capa_downgrade') }}
        and coalesce(part_type = 'CAPA', false)
        and not has_capa_evidence as is_capa_downgraded

    from claimed

),

final as (

    select
        downgraded.item_id,
        part_types.part_type,
        part_types.cieca_part_type,
        part_types.certification,
        coalesce(part_types.is_genuine, false) as is_genuine,
        part_types.is_offered as is_type_offered,
        downgraded.is_group_offered,
        downgraded.has_od_source,
        downgraded.is_capa_downgraded,
        downgraded.has_capa_evidence,
        downgraded.has_nsf_evidence,
        downgraded.is_category_mapped,
        coalesce(
            downgraded.part_category, downgraded.item_group_name, 'Uncategorised'
        ) as part_category

    from downgraded
    left join part_types
        on
            case
                when downgraded.is_capa_downgraded then 'AM'
                else downgraded.part_type
            end = part_types.part_type

)

select * from final
