with

source as (

    {{ landed('ordertime', 'locations') }}

),

renamed as (

    select
        ---------- ids
        Id as location_id,
        _extract_run_id,

        ---------- strings
        Name as location_name,

        ---------- booleans
        IsAvailable as is_available,
        IsActive as is_active,

        ---------- timestamps
        _extracted_at

    from source

)

select * from renamed
