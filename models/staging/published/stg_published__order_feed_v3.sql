with

delivered as (

    {{ published_state('order_feed_v3') }}

),

renamed as (

    select
        {{ contract_columns('order_feed_v3') }}

    from delivered

)

select * from renamed
