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

phrases as (

    select
        phrase,
        split_part(phrase, ' ', 2) as first_word

    from condition_words
    where means = 'condition'

),

texts as (

    select
        item_id,
        {{ small_letters(
            "concat_ws(' . ', item_name, item_full_name, item_group_name, "
            ~ "description, purchase_description, note)"
        ) }} as text -- noqa: RF04

    from part_items

),

-- Few texts have a phrase, and to look for all of them at once is cheap.
texts_met as (

    select
        item_id,
        {{ words_of('text') }} as words

    from texts
    where {{ may_have_phrase('text', ref('condition_words'), "means = 'condition'") }}

),

words_listed as (

    select
        item_id,
        words,
        {{ values_of("split(trim(words), ' ')", 'word') }}

    from texts_met

),

-- Few items have the first word of a phrase. Only these are compared with the phrase.
phrases_met as (

    select distinct
        words_listed.item_id,
        words_listed.words,
        phrases.phrase

    from words_listed
    inner join phrases
        on words_listed.word = phrases.first_word
    where contains(words_listed.words, phrases.phrase)

),

exceptions_listed as (

    select
        phrase as exception,
        {{ values_of("split(trim(phrase), ' ')", 'word') }}

    from condition_words
    where means = 'exception'

),

exceptions as (

    select distinct
        phrases.phrase,
        exceptions_listed.exception

    from exceptions_listed
    inner join phrases
        on exceptions_listed.word = phrases.first_word
    where contains(exceptions_listed.exception, phrases.phrase)

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
        on phrases_met.phrase = exceptions.phrase
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
