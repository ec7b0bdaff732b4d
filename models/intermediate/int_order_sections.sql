-- The sections of an order, each once. One that has no id is kept, so that its order
-- can be refused.

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
        {{ present('section.sis_section_id') }} as sis_section_id,
        count(*) as times_listed

    from listed
    group by
        order_id,
        {{ present('section.sis_section_id') }}

)

select * from final
