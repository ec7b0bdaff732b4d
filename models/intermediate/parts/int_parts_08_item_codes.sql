-- Steps 4 to 6 of the rules, in their order: the rules about an item, at any location.
-- One line is one rule: a condition and its code.

with

parts_checked as (

    select * from {{ ref('int_parts_07_checked') }}

),

final as (

    select
        ---------- what the rules about an item at a location need
        item_id,
        supplier_sku,
        part_type,
        is_capa_downgraded,
        certification,
        brand,
        sell_price,

        ---------- the codes
        -- 4 identity
        concat_ws(
            '|',
            case when part_type is null then 'TYPE_UNKNOWN' end,
            case when is_number_missing then 'PART_NO_MISSING' end,
            case when is_number_too_long then 'PART_NO_TOO_LONG' end,
            case when has_bad_character then 'PART_NO_CHARSET' end,
            case when is_number_mangled then 'PART_NO_MANGLED' end,
            case when is_number_several then 'PART_NO_SEVERAL' end,
            case when has_formula then 'TEXT_FORMULA' end,
            case when is_text_unread then 'TEXT_UNREADABLE' end,
            case when is_unit_unknown then 'UNIT_UNKNOWN' end,
            case when is_nearly_protected then 'PROTECTED_NEARLY' end,
            case when is_condition_doubtful then 'CONDITION_DOUBTFUL' end
        ) as identity_codes,

        -- 5 type: an OD part must have a proven source and a discount
        concat_ws(
            '|',
            case
                when part_type = 'OD' and not has_od_source then 'OD_SOURCE_UNPROVEN'
            end,
            case
                when part_type = 'OD' and list_price is null then 'OD_LIST_MISSING'
            end,
            case
                when part_type = 'OD' and sell_price >= list_price
                    then 'OD_NOT_DISCOUNTED'
            end
        ) as discount_codes,

        -- 5 type: an AM or CAPA part must have a maker, a number that can be matched,
        -- and the certificate that its type needs
        concat_ws(
            '|',
            case when part_type is not null and brand is null then 'BRAND_MISSING' end,
            case
                when
                    part_type in ('AM', 'CAPA')
                    and coalesce(oem_part_number, partslink_number) is null
                    then 'NO_MATCH_NUMBER'
            end,
            case
                when
                    (has_capa_evidence and part_type <> 'CAPA')
                    or (has_nsf_evidence and part_type <> 'CAPA')
                    or (has_capa_evidence and has_nsf_evidence)
                    then 'CERT_CONFLICT'
            end,
            case when has_nsf_evidence then 'CERT_NSF_LEGACY' end,
            case
                when part_type = 'CAPA' and not has_capa_evidence then 'CAPA_UNPROVEN'
            end,
            case
                when part_type = 'CAPA' and is_certificate_withdrawn
                    then 'CAPA_WITHDRAWN'
            end,
            case
                when part_type = 'CAPA' and is_certificate_nearly_withdrawn
                    then 'CAPA_WITHDRAWN_NEARLY'
            end
        ) as certificate_codes,

        -- 6 price
        concat_ws(
            '|',
            case when price is null then 'PRICE_MISSING' end,
            case when price >= 0 and sell_price = 0 then 'PRICE_ZERO' end,
            case when price < 0 then 'PRICE_NEGATIVE' end,
            case when price > {{ var('price_limit') }} then 'PRICE_IMPLAUSIBLE' end,
            case when sell_price > list_price then 'PRICE_GT_LIST' end,
            case when sell_price < standard_cost then 'PRICE_LT_COST' end,
            case when core_charge is null then 'CORE_CHARGE_INVALID' end
        ) as price_codes

    from parts_checked

)

select * from final
