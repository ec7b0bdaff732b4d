-- The items whose texts say that they are not new: a phrase of condition_words occurs
-- more often than in the exceptions that contain it. "Used on 1998 models" and "heat
-- exchanger" say nothing of the condition.

with

part_items as (

    select * from {{ ref('stg_ordertime__part_items') }}

),

condition_words as (

    select
        {{ words_of('phrase') }} as phrase,
        means

    from {{ ref('condition_words') }}

),

first_words as (

    select distinct split_part(phrase, ' ', 2) as word

    from condition_words
    where means = 'condition'

),

texts as (

    select
        item_id,
        {{ words_of(
            "concat_ws(' . ', item_name, item_full_name, item_group_name, description,"
            ~ " purchase_description, note)"
        ) }} as words

    from part_items

),

words_listed as (

    select
        item_id,
        words,
        {{ each_of("string_split(trim(words), ' ')", 'word') }}

    from texts

),

-- Few items have any first word of a phrase. Only these are compared with the phrases.
suspected as (

    select distinct
        words_listed.item_id,
        words_listed.words

    from words_listed
    inner join first_words
        on words_listed.word = first_words.word

),

phrases_met as (

    select
        suspected.item_id,
        suspected.words,
        condition_words.phrase

    from suspected
    inner join condition_words
        on strpos(suspected.words, condition_words.phrase) > 0
    where condition_words.means = 'condition'

),

exceptions as (

    select phrase as exception

    from condition_words
    where means = 'exception'

),

exceptions_met as (

    select
        phrases_met.item_id,
        phrases_met.phrase,
        any_value({{ times_in('phrases_met.words', 'phrases_met.phrase') }}) as times,
        coalesce(
            sum({{ times_in('phrases_met.words', 'exceptions.exception') }}), 0
        ) as times_excepted

    from phrases_met
    left join exceptions
        on strpos(exceptions.exception, phrases_met.phrase) > 0
    group by
        phrases_met.item_id,
        phrases_met.phrase

),

final as (

    select distinct item_id

    from exceptions_met
    where times > times_excepted

)

select * from final
