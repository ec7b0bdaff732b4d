-- The sections of an order, each once. A section without an id is kept, so that its
-- order goes to review.

with

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

listed as (

    {{ records_listed('orders', 'sections', 'section', ['sis_section_id']) }}

),

final as (

    select
        order_id,
        {{ text_or_null('section.sis_section_id') }} as sis_section_id,
        count(*) as times_listed

    from listed
    group by
        order_id,
        {{ text_or_null('section.sis_section_id') }}

)

select * from final
