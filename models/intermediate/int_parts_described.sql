-- What a person reads about a part, and what it fits.

with

parts_identified as (

    select * from {{ ref('int_parts_identified') }}

),

tidied as (

    select
        *,
        coalesce(
            {{ tidied('manufacturer_name') }},
            -- The maker of an OEM or OD part is the vehicle maker.
            case when is_genuine then {{ tidied('vehicle_make') }} end
        ) as whole_brand,
        coalesce({{ tidied('description') }}, {{ tidied('item_name') }})
            as whole_description,
        coalesce(mapped_category, {{ tidied('item_group_name') }}, 'Uncategorised')
            as whole_category,
        {{ tidied('vehicle_make') }} as fitted_make,
        {{ tidied('vehicle_model') }} as fitted_model,
        -- No clock: the newest lawful model year follows the extract.
        extract(year from _extracted_at) + 2 as newest_year

    from parts_identified

),

-- All four or none: half a vehicle fits nothing.
fitted as (

    select
        *,
        coalesce(
            length(fitted_make) <= 30
            and length(fitted_model) <= 50
            and year_from = floor(year_from)
            and year_to = floor(year_to)
            and year_from between 1950 and year_to
            and year_to <= newest_year, false
        ) as is_fitment_whole

    from tidied

),

final as (

    select
        *,
        {{ cut_at_word('whole_brand', var('brand_length')) }} as brand,
        {{ cut_at_word('whole_description', var('description_length')) }}
            as feed_description,
        {{ cut_at_word('whole_category', var('category_length')) }}
            as part_category,
        case when is_fitment_whole then fitted_make end as feed_vehicle_make,
        case when is_fitment_whole then fitted_model end as feed_vehicle_model,
        case when is_fitment_whole then cast(year_from as integer) end
            as feed_year_from,
        case when is_fitment_whole then cast(year_to as integer) end
            as feed_year_to,
        not is_fitment_whole
        and coalesce(
            fitted_make, fitted_model, year_from_raw, year_to_raw
        ) is not null as is_fitment_partial

    from fitted

)

select * from final
