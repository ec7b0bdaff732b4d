-- The orders that the reader has, each with the term of its last file.

with

published as (

    select * from {{ ref('stg_published__order_feed_v' ~ var('order_feed_layout')) }}

),

final as (

    select
        order_id,
        max(sis_term_id) as term_file_name

    from published
    group by order_id

)

select * from final
