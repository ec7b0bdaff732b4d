with

delivered as (

    {{ published_state('order_feed_v2') }}

),

renamed as (

    select
        {{ contract_columns('order_feed_v2') }}

    from delivered

)

select * from renamed
