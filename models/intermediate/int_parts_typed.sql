-- What kind of part each item is. The item's own word comes first and its group only
-- where there is none: a word we do not know is a question, not a reason to guess.

with

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
        parts_numbered.*,
        item_group_part_types.item_group is not null as is_category_mapped,
        item_group_part_types.part_category as mapped_category,
        coalesce(item_group_part_types.is_offered, true) as is_group_offered,
        case
            when nullif(trim(parts_numbered.part_type_name), '') is null
                then item_group_part_types.part_type
            else part_type_synonyms.part_type
        end as claimed_type,
        coalesce(
            certification_synonyms.certification = 'CAPA'
            or parts_numbered.partslink_suffix = 'C', false
        ) as has_capa_evidence,
        coalesce(
            certification_synonyms.certification = 'NSF'
            or parts_numbered.partslink_suffix = 'N', false
        ) as has_nsf_evidence

    from parts_numbered
    left join part_type_synonyms
        on upper(trim(parts_numbered.part_type_name)) = part_type_synonyms.synonym
    left join certification_synonyms
        on
            upper(trim(parts_numbered.certification_name))
            = certification_synonyms.synonym
    left join item_group_part_types
        on
            upper(trim(parts_numbered.item_group_name))
            = upper(item_group_part_types.item_group)

),

-- Offering an unproven CAPA part as AM is a company's choice, never a default.
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
        downgraded.*,
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
