with

confirmed as (

    {{ confirmed_values() }}

),

renamed as (

    select
        feed,
        key,
        column_name,
        value, -- noqa: RF04
        confirmed_by,
        confirmed_at

    from confirmed

)

select * from renamed
