{{ config(enabled=target.type == 'duckdb') }}

with

source as (

    {{ audits([
        'item_id', 'item_name', 'location_id', 'location_name', 'stock_row_id',
        'order_id', 'sis_term_id', 'status', 'reason_code', 'reason_codes',
    ]) }}

),

renamed as (

    select
        ---------- ids
        {{ folder_of('filename', 2) }} as file,
        {{ folder_of('filename', 1) }} as run_id,
        item_id,
        location_id,
        stock_row_id,
        order_id,
        sis_term_id,

        ---------- strings
        item_name,
        location_name,
        status,
        reason_code,
        reason_codes

    from source

)

select * from renamed
