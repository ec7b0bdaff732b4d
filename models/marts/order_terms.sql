with

terms as (

    select * from {{ ref('int_orders_01_terms') }}

),

final as (

    select
        term_file_name as sis_term_id,
        term_name as name,
        ordering_opens_at,
        ordering_closes_at,
        reason_code is null as is_deliverable,
        reason_code,
        ordering_opens_at_raw,
        ordering_closes_at_raw,
        _extract_run_id as extract_run_id

    from terms
    where not is_archived

)

select * from final
