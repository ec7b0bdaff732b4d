-- Which number is the maker's and which is the OEM number. This depends on the part
-- type. The maker of an OEM or OD part is the vehicle maker, so its number is the OEM
-- number. The maker of an aftermarket part prints its own number and names the OEM
-- number that the part replaces.

with

parts_classified as (

    select * from {{ ref('int_parts_02_classified') }}

),

alternates as (

    select
        alternate_numbers,
        {{ listed_in_order('number', 'position') }} as numbers,
        {{ listed_in_order('number', 'position', 'is_fit') }} as fit_numbers

    from {{ ref('int_parts_00_alternates') }}
    group by alternate_numbers

),

with_alternates as (

    select
        parts_classified.*,
        alternates.numbers as alternate_entries,
        alternates.fit_numbers as fit_entries

    from parts_classified
    left join alternates
        on parts_classified.known_alternate_numbers = alternates.alternate_numbers

),

assigned as (

    select
        *,
        case
            when is_genuine
                then coalesce({{ capitals('maker_number') }}, replaced_number)
            else maker_number
        end as mfr_part_number,
        case
            when is_genuine
                then coalesce({{ capitals('maker_number') }}, replaced_number)
            else replaced_number
        end as matched_number,
        case when not is_genuine then partslink_base end as partslink_number

    from with_alternates

),

keyed as (

    select
        *,
        {{ part_number_key('matched_number') }} as matched_number_key,
        {{ listed_numbers('alternate_entries', 'matched_number') }} as alternates,
        {{ listed_numbers('fit_entries', 'matched_number') }} as fit_alternates

    from assigned

),

-- An OEM number that is too short to be matched is an error for an OEM or OD part. For
-- an aftermarket part, which has its maker's number, it is only left out with a
-- warning.
judged as (

    select
        *,
        coalesce(not is_genuine and length(matched_number_key) < 4, false)
            as is_oem_number_dropped

    from keyed

),

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
        standard_cost_raw,
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

        ---------- from the steps before
        supplier_sku,
        quantity_pieces,
        price_pieces,
        is_unit_unknown,
        known_manufacturer_name,
        known_vehicle_make,
        known_vehicle_model,
        has_od_source,
        is_partslink_invalid,
        gtin,
        is_gtin_invalid,
        is_category_mapped,
        mapped_category,
        is_group_offered,
        has_capa_evidence,
        has_nsf_evidence,
        is_certification_unknown,
        is_capa_downgraded,
        part_type,
        cieca_part_type,
        certification,
        is_genuine,
        is_type_offered,

        ---------- added by this step
        mfr_part_number,
        partslink_number,
        is_oem_number_dropped,
        case when not is_oem_number_dropped then matched_number end
            as oem_part_number,
        case when not is_oem_number_dropped then matched_number_key end
            as oem_part_number_key,
        {{ first_joined('fit_alternates', 5) }} as alt_part_numbers,
        -- Some numbers may not be published, or there are more than five.
        coalesce({{ first_joined('alternates', 1000) }}, '')
        <> coalesce({{ first_joined('fit_alternates', 5) }}, '')
            as is_alternate_dropped

    from judged

)

select * from final
