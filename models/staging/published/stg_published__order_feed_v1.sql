with

delivered as (

    {{ published_state('order_feed_v1') }}

),

renamed as (

    select
        {{ contract_columns('order_feed_v1') }}

    from delivered

)

select * from renamed
