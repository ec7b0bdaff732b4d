-- The amounts of a part, rounded half up here and nowhere else. An invalid amount
-- becomes null, with a flag.

with

parts_described as (

    select * from {{ ref('int_parts_04_described') }}

),

-- Every amount is that of a unit, which may be several pieces.
per_piece as (

    select
        *,
        {{ per_piece('price', 'price_pieces') }} as piece_price,
        {{ per_piece('standard_cost', 'price_pieces') }} as piece_cost,
        {{ per_piece('list_price', 'price_pieces') }} as piece_list_price,
        {{ per_piece('core_charge', 'price_pieces') }} as piece_core_charge

    from parts_described

),

rounded as (

    select
        *,
        {{ money('piece_price') }} as sell_price,
        {{ money_within('piece_list_price', var('price_limit')) }} as feed_list_price,
        -- Nobody says of which unit a weight is, so only that of a piece counts.
        case
            when coalesce(quantity_pieces, 1) = 1
                then {{ money_within('weight', 9999.99) }}
        end as weight_lb,
        -- A missing core charge is zero. A wrong one stays null and goes to review.
        case
            when nullif({{ trimmed('core_charge_raw') }}, '') is null
                then cast(0 as decimal(18, 2))
            when piece_core_charge between 0 and {{ var('price_limit') }}
                then {{ money('piece_core_charge') }}
        end as feed_core_charge

    from per_piece

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
        weight_raw,
        list_price_raw,
        core_charge_raw,
        year_from_raw,
        year_to_raw,
        piece_price as price,
        piece_cost as standard_cost,
        is_active,
        modified_at,
        _extract_run_id,
        _extracted_at,

        ---------- from the steps before
        supplier_sku,
        quantity_pieces,
        is_unit_unknown,
        has_od_source,
        is_partslink_invalid,
        gtin,
        is_gtin_invalid,
        is_category_mapped,
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
        mfr_part_number,
        partslink_number,
        is_oem_number_dropped,
        oem_part_number,
        oem_part_number_key,
        alt_part_numbers,
        is_alternate_dropped,
        whole_brand,
        whole_description,
        whole_category,
        brand,
        feed_description,
        part_category,
        feed_vehicle_make,
        feed_vehicle_model,
        feed_year_from,
        feed_year_to,
        is_fitment_partial,

        ---------- added by this step
        sell_price,
        weight_lb,
        feed_list_price,
        feed_core_charge,
        case
            when feed_list_price is not null then false
            else
                {{ present('list_price_raw') }} is not null
                and coalesce(list_price, -1) <> 0
        end as is_list_price_invalid,
        case
            when weight_lb is not null then false
            else
                {{ present('weight_raw') }} is not null
                and coalesce(weight, -1) <> 0
        end as is_weight_invalid,
        {{ is_unread('standard_cost') }}
        or coalesce(standard_cost < 0, false) as is_cost_invalid

    from rounded

)

select * from final
