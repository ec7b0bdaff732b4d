-- The sections of an order, each once. One that has no id is kept, so that its order
-- can be refused.

with

orders as (

    select * from {{ ref('stg_order_tool__orders') }}

),

parsed as (

    select
        order_id,
        {{ records_of('sections', ['sis_section_id']) }} as sections

    from orders

),

listed as (

    select
        order_id,
        {{ each_of('sections', 'section') }}

    from parsed

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
