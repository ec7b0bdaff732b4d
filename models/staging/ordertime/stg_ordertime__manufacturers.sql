with

source as (

    {{ landed('ordertime', 'manufacturers') }}

),

renamed as (

    select
        ---------- ids
        Id as manufacturer_id,
        _extract_run_id,

        ---------- strings
        Name as manufacturer_name,

        ---------- timestamps
        _extracted_at

    from source

)

select * from renamed
