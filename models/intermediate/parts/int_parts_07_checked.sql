{%- set numbers = ['supplier_sku', 'mfr_part_number', 'oem_part_number'] -%}

-- What is wrong with the numbers and texts of an item. The rules of the next step
-- decide what follows from it.

with

parts_normalised as (

    select * from {{ ref('int_parts_06_normalised') }}

),

parts_not_new as (

    select * from {{ ref('int_parts_00_conditions') }}

),

protected_parts as (

    select
        {{ list_key('supplier_sku') }} as sku_key,
        {{ near_key(part_number_key('supplier_sku')) }} as sku_near,
        coalesce(is_protected, true) as is_protected

    from {{ ref('protected_parts') }}

),

withdrawn_certificates as (

    select
        {{ part_number_key('part_number_key') }} as number_key,
        {{ near_key(part_number_key('part_number_key')) }} as number_near,
        coalesce(kind = 'valid', false) as is_valid

    from {{ ref('withdrawn_certificates') }}

),

-- A Partslink number is compared without its suffix, so all its variants match.
withdrawn_numbers as (

    select distinct number_key as withdrawn_key

    from withdrawn_certificates
    where not is_valid

),

withdrawn_partslinks as (

    select distinct {{ partslink_base('number_key') }} as withdrawn_key

    from withdrawn_certificates
    where not is_valid

),

-- The letter O for a zero, another case or other separators: the entry may be meant.
withdrawn_nearly as (

    select distinct number_near as withdrawn_near

    from withdrawn_certificates
    where not is_valid

    union

    select distinct {{ partslink_base('number_near') }} as withdrawn_near

    from withdrawn_certificates
    where not is_valid

),

-- The numbers that a person looked at: they only look like an entry.
valid_numbers as (

    select distinct number_key as valid_key

    from withdrawn_certificates
    where is_valid

    union

    select distinct {{ partslink_base('number_key') }} as valid_key

    from withdrawn_certificates
    where is_valid

),

protected_nearly as (

    select distinct sku_near

    from protected_parts
    where is_protected

),

-- An entry is protected itself, or a person looked at it.
protected_exactly as (

    select distinct sku_key from protected_parts

),

-- What needs no more checks, and the keys by which the lists are searched. Only CAPA
-- parts have a certificate that may be withdrawn.
keyed as (

    select
        *,
        {{ is_plain('supplier_sku') }} as is_supplier_sku_plain,
        {{ is_plain('mfr_part_number') }} as is_mfr_part_number_plain,
        {{ is_plain('oem_part_number') }} as is_oem_part_number_plain,
        case when part_type = 'CAPA' then partslink_number end as certified_partslink,
        case
            when part_type = 'CAPA' then {{ part_number_key('mfr_part_number') }}
        end as mfr_part_number_key,
        case
            when part_type = 'CAPA'
                then {{ part_number_key('coalesce(partslink_number, partslink_raw)') }}
        end as partslink_key,
        {{ part_number_key('item_name') }} as item_name_key

    from parts_normalised

),

-- Two of the checks ask this, and to look for damage costs the most.
looked_at as (

    select
        *,
        case
            when is_supplier_sku_plain then false
            else {{ is_mangled('supplier_sku') }}
        end as is_supplier_sku_mangled,
        case
            when is_mfr_part_number_plain then false
            else {{ is_mangled('mfr_part_number') }}
        end as is_mfr_part_number_mangled,
        case
            when is_oem_part_number_plain then false
            else {{ is_mangled('oem_part_number') }}
        end as is_oem_part_number_mangled

    from keyed

),

checked as (

    select
        *,

        -- A number with fewer than four letters and digits cannot be matched, and one
        -- without any is no number.
        supplier_sku is null
        or {{ any_odd(
            numbers, is_punctuation('@') ~ ' and not is_@_mangled'
        ) }}
        or (part_type is not null and mfr_part_number is null)
        or (is_genuine and coalesce(length(oem_part_number_key), 0) < 4)
            as is_number_missing,

        {{ is_longer('supplier_sku', var('sku_length')) }}
        or {{ is_longer('mfr_part_number', var('part_number_length')) }}
        or {{ is_longer('oem_part_number', var('part_number_length')) }}
            as is_number_too_long,

        -- A vertical bar separates numbers in the feed, so no number may contain one.
        -- The partner sends the SKU back in its orders, so its spaces may not be
        -- trimmed.
        {{ any_odd(numbers, 'not ' ~ is_printable('@')) }}
        or {{ any_odd(['supplier_sku'], '@ <> ' ~ trimmed('@')) }}
        or {{ any_odd(
            ['mfr_part_number', 'oem_part_number'],
            "(@ like '%|%' or left(@, 1) in ('[', '{'))"
        ) }} as has_bad_character,

        {{ any_of(numbers, 'is_@_mangled') }} as is_number_mangled,

        {{ any_odd(['mfr_part_number', 'oem_part_number'], is_several('@')) }}
            as is_number_several,

        {{ any_odd(numbers, is_formula('@')) }}
        or {{ is_formula('brand') }}
        or {{ is_formula('description') }}
        or {{ is_formula('part_category') }}
        or {{ is_formula('vehicle_make') }}
        or {{ is_formula('vehicle_model') }} as has_formula,

        {{ any_of(
            [
                'part_type_raw', 'certification_raw', 'oem_number_raw',
                'partslink_raw', 'od_source_raw', 'vehicle_make_raw',
                'vehicle_model_raw',
            ], is_json('@')
        ) }} as is_text_unread,

        {{ near_key('mfr_part_number_key') }} as mfr_part_number_near,
        {{ near_key('partslink_key') }} as partslink_near,
        {{ near_key('item_name_key') }} as sku_near

    from looked_at

),

final as (

    select
        checked.item_id,
        checked.part_type,
        checked.supplier_sku,
        checked.is_genuine,
        checked.is_capa_downgraded,
        checked.certification,
        checked.has_od_source,
        checked.brand,
        checked.mfr_part_number,
        checked.oem_part_number,
        checked.oem_part_number_key,
        checked.partslink_number,
        checked.has_capa_evidence,
        checked.has_nsf_evidence,
        checked.list_price,
        checked.sell_price,
        checked.price,
        checked.standard_cost,
        checked.core_charge,
        checked.is_number_missing,
        checked.is_number_too_long,
        checked.has_bad_character,
        checked.is_number_mangled,
        checked.is_number_several,
        checked.has_formula,
        checked.is_text_unread,
        coalesce(
            withdrawn_partslinks.withdrawn_key, withdrawn_numbers.withdrawn_key
        ) is not null as is_certificate_withdrawn,
        (
            nearly_partslinks.withdrawn_near is not null
            and valid_partslinks.valid_key is null
            or nearly_numbers.withdrawn_near is not null
            and valid_makers_numbers.valid_key is null
        )
        and coalesce(
            withdrawn_partslinks.withdrawn_key, withdrawn_numbers.withdrawn_key
        ) is null as is_certificate_nearly_withdrawn,
        protected_nearly.sku_near is not null
        and protected_exactly.sku_key is null as is_nearly_protected,
        checked.is_unit_unknown,
        parts_not_new.item_id is not null as is_condition_doubtful

    from checked
    left join parts_not_new
        on checked.item_id = parts_not_new.item_id
    left join withdrawn_partslinks
        on checked.certified_partslink = withdrawn_partslinks.withdrawn_key
    left join withdrawn_numbers
        on checked.mfr_part_number_key = withdrawn_numbers.withdrawn_key
    left join withdrawn_nearly as nearly_partslinks
        on
            {{ partslink_base('checked.partslink_near') }}
            = nearly_partslinks.withdrawn_near
    left join withdrawn_nearly as nearly_numbers
        on checked.mfr_part_number_near = nearly_numbers.withdrawn_near
    left join valid_numbers as valid_partslinks
        on checked.partslink_key = valid_partslinks.valid_key
    left join valid_numbers as valid_makers_numbers
        on checked.mfr_part_number_key = valid_makers_numbers.valid_key
    left join protected_nearly
        on checked.sku_near = protected_nearly.sku_near
    left join protected_exactly
        on
            -- Few parts are nearly protected, and the others need no key.
            case
                when protected_nearly.sku_near is not null
                    then {{ list_key('checked.item_name') }}
            end = protected_exactly.sku_key

)

select * from final
