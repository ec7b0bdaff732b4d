-- The terms, with the reason if a term cannot have files: its id is part of a file
-- name, and its ordering period decides when there is a file.

with

terms as (

    select * from {{ ref('stg_order_tool__terms') }}

),

final as (

    select
        sis_term_id,
        term_name,
        ordering_opens_at_raw,
        ordering_closes_at_raw,
        ordering_opens_at,
        ordering_closes_at,
        coalesce(is_archived, false) as is_archived,
        case
            when
                trim(sis_term_id) = ''
                or {{ has_control_character('sis_term_id') }}
                or strpos(sis_term_id, '/') > 0
                or strpos(sis_term_id, chr(92)) > 0
                or octet_length(encode(sis_term_id)) > 150
                then 'TERM_ID_UNFIT'
            when is_archived then null
            when
                not coalesce(ordering_opens_at < ordering_closes_at, false)
                then 'TERM_PERIOD_UNKNOWN'
        end as reason_code,
        _extract_run_id,
        _extracted_at

    from terms

)

select * from final
