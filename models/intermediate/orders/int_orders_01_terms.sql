-- The terms, with the reason if a term cannot have files: its id is part of a file
-- name, and its ordering period decides when there is a file.

with

terms as (

    select * from {{ ref('stg_order_tool__terms') }}

),

term_file_names as (

    select * from {{ ref('term_file_names') }}

),

-- A term has files under its id, or under the name that the company gave it.
named as (

    select
        terms.*,
        coalesce(
            {{ present('term_file_names.file_name') }}, terms.sis_term_id
        ) as term_file_name

    from terms
    left join term_file_names
        on terms.sis_term_id = term_file_names.sis_term_id

),

-- Some servers and folders take names that differ only in case for one.
counted as (

    select
        *,
        count(*) over (partition by {{ capitals('term_file_name') }}) as terms_of_name

    from named

),

final as (

    select
        sis_term_id,
        term_file_name,
        term_name,
        ordering_opens_at_raw,
        ordering_closes_at_raw,
        ordering_opens_at,
        ordering_closes_at,
        coalesce(is_archived, false) as is_archived,
        case
            when
                {{ trimmed('term_file_name') }} = ''
                or {{ has_control_character('term_file_name') }}
                or contains(term_file_name, '/')
                or contains(term_file_name, chr(92))
                or bit_length(term_file_name) > 150 * 8
                or terms_of_name > 1
                then 'TERM_ID_UNFIT'
            when is_archived then null
            when
                not coalesce(ordering_opens_at < ordering_closes_at, false)
                then 'TERM_PERIOD_UNKNOWN'
        end as reason_code,
        _extract_run_id,
        _extracted_at

    from counted

)

select * from final
