-- What a person reads about a part, and what it fits.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

parts_typed as (

    select * from {{ ref('int_parts_typed') }}

),

tidied as (

    select
        part_items.item_id,
        parts_typed.is_genuine,
        parts_typed.part_category,
        {{ tidied('part_items.manufacturer_name') }} as manufacturer_name,
        coalesce(
            {{ tidied('part_items.description') }},
            {{ tidied('part_items.item_name') }}
        ) as description,
        {{ tidied('part_items.vehicle_make') }} as vehicle_make,
        {{ tidied('part_items.vehicle_model') }} as vehicle_model,
        part_items.year_from,
        part_items.year_to,
        coalesce(part_items.year_from_raw, part_items.year_to_raw) is not null
            as has_year,
        -- No clock: the newest lawful model year follows the extract.
        extract(year from part_items._extracted_at) + 2 as newest_year

    from part_items
    inner join parts_typed
        on part_items.item_id = parts_typed.item_id

),

fitted as (

    select
        item_id,
        part_category,
        description,
        -- The maker of an OEM or OD part is the vehicle maker.
        case
            when is_genuine then coalesce(manufacturer_name, vehicle_make)
            else manufacturer_name
        end as brand,
        vehicle_make,
        vehicle_model,
        year_from,
        year_to,
        vehicle_make is not null
        or vehicle_model is not null
        or has_year as has_fitment,
        -- All four or none: half a vehicle fits nothing.
        coalesce(
            length(vehicle_make) <= 30
            and length(vehicle_model) <= 50
            and year_from = floor(year_from)
            and year_to = floor(year_to)
            and year_from between 1950 and year_to
            and year_to <= newest_year, false
        ) as is_fitment_whole

    from tidied

),

final as (

    select
        item_id,
        {{ cut_at_word('brand', var('brand_length')) }} as brand,
        length(brand) > {{ var('brand_length') }} as is_brand_cut,
        {{ cut_at_word('part_category', var('category_length')) }}
            as part_category,
        length(part_category) > {{ var('category_length') }} as is_category_cut,
        {{ cut_at_word('description', var('description_length')) }}
            as description,
        length(description) > {{ var('description_length') }}
            as is_description_cut,
        has_fitment and not is_fitment_whole as is_fitment_partial,
        case when is_fitment_whole then vehicle_make end as vehicle_make,
        case when is_fitment_whole then vehicle_model end as vehicle_model,
        case when is_fitment_whole then cast(year_from as integer) end
            as year_from,
        case when is_fitment_whole then cast(year_to as integer) end as year_to

    from fitted

)

select * from final
