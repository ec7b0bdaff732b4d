-- The decision about each order. An order without a code is delivered. Otherwise the
-- first code that fires decides, and all codes are kept as the reasons. An order that
-- vanished, or lost all its items or sections, has no row of its own any more: it is
-- delivered once more as deleted.

with

orders_checked as (

    select * from {{ ref('int_orders_07_checked') }}

),

order_reason_codes as (

    select * from {{ ref('order_reason_codes') }}

),

emptied as (

    select
        *,
        is_vanished is not true
        and (item_count + request_count = 0 or section_count = 0) as is_empty

    from orders_checked

),

ruled as (

    select
        *,
        concat_ws(
            '|',
            case when is_vanished then 'ORDER_VANISHED' end,
            case when is_term_unknown then 'TERM_UNKNOWN' end,
            case when term_code = 'TERM_ID_UNFIT' then 'TERM_ID_UNFIT' end,
            case when term_code = 'TERM_PERIOD_UNKNOWN' then 'TERM_PERIOD_UNKNOWN' end,
            case when order_id < 0 then 'ORDER_ID_NEGATIVE' end,
            case when not are_lists_read then 'LIST_UNREADABLE' end,
            case when is_empty and is_delivered then 'ORDER_EMPTIED' end,
            case
                when is_vanished is not true and item_count + request_count = 0
                    then 'ORDER_WITHOUT_ITEMS'
            end,
            case
                when is_vanished is not true and section_count = 0
                    then 'ORDER_WITHOUT_SECTIONS'
            end,
            case when has_unnamed_section then 'SECTION_ID_MISSING' end,
            case when has_empty_item then 'ITEM_EMPTY' end,
            case when has_unnamed_content then 'CONTENT_ID_MISSING' end,
            case when has_incomplete_request then 'REQUEST_INCOMPLETE' end,
            case when has_unread_text then 'TEXT_UNREADABLE' end,
            case when is_time_missing then 'TIME_MISSING' end,
            case when has_unread_time then 'TIME_UNREADABLE' end,
            case when is_updated_before_created then 'TIME_ORDER' end,
            case when has_unknown_status then 'STATUS_UNKNOWN' end,
            case when has_unknown_delivery then 'DELIVERY_UNKNOWN' end,
            case when has_unread_price then 'PRICE_UNREADABLE' end,
            case when has_negative_price then 'PRICE_NEGATIVE' end
        ) as codes,
        concat_ws(
            '|',
            case when has_author_separator then 'AUTHOR_SEPARATOR' end,
            case when has_carriage_return then 'CARRIAGE_RETURN' end,
            case when has_repeated_content then 'CONTENT_REPEATED' end,
            case when has_control_character then 'CONTROL_CHARACTER' end,
            case when has_unread_date then 'DATE_UNREADABLE' end,
            case when has_null_text then 'NULL_TEXT' end,
            case when has_rounded_price then 'PRICE_ROUNDED' end,
            case when has_repeated_section then 'SECTION_REPEATED' end
        ) as warning_codes

    from emptied

),

decided as (

    select
        *,
        coalesce(
            nullif(split_part(codes, '|', 1), ''),
            case when canceled_at is null then 'OK_PLACED' else 'OK_CANCELED' end
        ) as first_code

    from ruled

),

final as (

    select
        ---------- the order and its decision
        decided.order_id,
        decided.sis_term_id,
        decided.section_count,
        decided.item_count,
        decided.request_count,
        decided.is_vanished,
        order_reason_codes.status,
        order_reason_codes.output,
        order_reason_codes.reason_code,
        coalesce(nullif(decided.codes, ''), order_reason_codes.reason_code)
            as reason_codes,
        nullif(decided.warning_codes, '') as warnings,
        decided.codes || decided.warning_codes <> '' as is_questioned,

        ---------- what all rows of the order repeat
        {{ truncated_to('minute', 'decided.created_at') }} as order_created,
        {{ truncated_to('minute', 'decided.updated_at') }} as order_updated,
        decided.canceled_at is not null
        or order_reason_codes.output = 'RESTATE' as is_deleted,
        decided.is_royalty,

        ---------- the values of the source
        decided.created_at_raw,
        decided.updated_at_raw,
        decided.canceled_at_raw,
        decided._extract_run_id,
        decided._extracted_at

    from decided
    left join order_reason_codes
        on decided.first_code = order_reason_codes.reason_code

)

select * from final
