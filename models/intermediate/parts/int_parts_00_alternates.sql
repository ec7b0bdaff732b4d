-- The single numbers of the fields with alternate numbers, and which of them may be
-- published. Each different field is taken apart once. The checks are made of rows and
-- not in a function of a list, where long regular expressions cost DuckDB ten times as
-- much.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

fields as (

    select distinct alternate_numbers

    from part_items
    where alternate_numbers is not null

),

parted as (

    select
        alternate_numbers,
        {{ split_numbers('alternate_numbers') }} as parts

    from fields

),

entries as (

    select
        alternate_numbers,
        {{ each_of('parts', 'entry') }}

    from parted

),

numbers as (

    select
        alternate_numbers,
        position,
        {{ without_notes('entry') }} as number

    from entries

),

final as (

    select
        alternate_numbers,
        position,
        number,
        {{ is_fit_to_print('number') }} as is_fit

    from numbers
    where number <> ''

)

select * from final
