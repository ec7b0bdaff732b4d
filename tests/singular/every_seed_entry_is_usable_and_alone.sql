-- Every entry of a seed has a key by which it is compared, and no other entry has the
-- same. A blank entry would never match, and two equal entries may contradict.

with

entries as (

    select
        'part_type_synonyms' as seed,
        synonym as entry,
        {{ list_key('synonym') }} as entry_key

    from {{ ref('part_type_synonyms') }}

    union all

    select
        'certification_synonyms' as seed,
        synonym as entry,
        {{ list_key('synonym') }} as entry_key

    from {{ ref('certification_synonyms') }}

    union all

    select
        'item_group_part_types' as seed,
        item_group as entry,
        {{ list_key('item_group') }} as entry_key

    from {{ ref('item_group_part_types') }}

    union all

    select
        'location_map' as seed,
        location_name as entry,
        {{ list_key('location_name') }} as entry_key

    from {{ ref('location_map') }}

    union all

    select
        'units_of_measure' as seed,
        unit as entry,
        {{ list_key('unit') }} as entry_key

    from {{ ref('units_of_measure') }}

    union all

    select
        'none_words' as seed,
        word as entry,
        {{ none_key('word') }} as entry_key

    from {{ ref('none_words') }}

    union all

    select
        'condition_words' as seed,
        phrase as entry,
        trim({{ words_of('phrase') }}) as entry_key

    from {{ ref('condition_words') }}

    union all

    select
        'protected_parts' as seed,
        supplier_sku as entry,
        {{ list_key('supplier_sku') }} as entry_key

    from {{ ref('protected_parts') }}

    union all

    select
        'withdrawn_certificates' as seed,
        part_number_key as entry,
        {{ part_number_key('part_number_key') }} as entry_key

    from {{ ref('withdrawn_certificates') }}

),

counted as (

    select
        seed,
        entry,
        entry_key,
        count(*) over (partition by seed, entry_key) as entries

    from entries

)

select
    seed,
    entry,
    entry_key

from counted
where
    entry_key is null
    or entry_key = ''
    or entries > 1
