-- Rows landed = rows placed = rows decided = published + filtered + in review. They are
-- compared by their number and by a sum of the hashes of their keys. The published rows
-- are counted in the feed itself.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

stock_by_location as (

    select * from {{ ref('stg_ordertime__stock_by_location') }}

),

parts_normalised as (

    select * from {{ ref('int_parts_06_normalised') }}

),

place_codes as (

    select * from {{ ref('int_parts_11_place_codes') }}

),

parts_decided as (

    select * from {{ ref('int_parts_14_decided') }}

),

inventory_audit as (

    select * from {{ ref('inventory_audit') }}

),

inventory_feed as (

    select * from {{ ref('inventory_feed') }}

),

-- Every stock row, and every item that has none.
landed as (

    select
        item_id,
        location_id,
        stock_row_id

    from stock_by_location

    union all

    select
        part_items.item_id,
        null as location_id,
        null as stock_row_id

    from part_items
    left join stock_by_location
        on part_items.item_id = stock_by_location.item_id
    where stock_by_location._extract_run_id is null

),

balance as (

    {% set key = 'item_id, location_id, stock_row_id' %}
    {% set offer = 'location_code, supplier_sku' %}
    {{ keys_counted('items', 'landed', 'part_items', 'item_id') }}
    union all
    {{ keys_counted('items', 'normalised', 'parts_normalised', 'item_id') }}
    union all
    {{ keys_counted('rows', 'landed', 'landed', key) }}
    union all
    {{ keys_counted('rows', 'placed', 'place_codes', key) }}
    union all
    {{ keys_counted('rows', 'decided', 'parts_decided', key) }}
    union all
    {{ keys_counted('rows', 'audited', 'inventory_audit', key) }}
    union all
    {{ keys_counted(
        'rows', 'published, filtered or in review', 'inventory_audit', key,
        "output in ('PUBLISH', 'SKIP', 'AUDIT') and reason_code is not null"
    ) }}
    union all
    {{ keys_counted(
        'offers', 'landed', 'inventory_audit', offer, "output = 'PUBLISH'"
    ) }}
    union all
    {{ keys_counted('offers', 'in the file', 'inventory_feed', offer) }}

)

{{ stages_out_of_balance('balance') }}
