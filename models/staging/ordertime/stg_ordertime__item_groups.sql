with

source as (

    {{ landed('ordertime', 'item_groups') }}

),

renamed as (

    select
        ---------- ids
        Id as item_group_id,
        _extract_run_id,

        ---------- strings
        Name as item_group_name,

        ---------- timestamps
        _extracted_at

    from source

)

select * from renamed
