{#
    The words of a text in small letters, with one blank before, between and after them.
    Digits are words of their own: REPAIRED62-70 has the words repaired, 62 and 70.

    column: the text.
#}
{% macro words_of(column) -%}
    ' ' || trim({{ replaced(
        adapter.dispatch('digits_parted')(column), '[^a-z0-9]+', ' '
    ) }}) || ' '
{%- endmacro %}

{% macro default__digits_parted(column) -%}
    -- Few texts have a digit beside a letter, and replacing costs more than looking.
    case
        when {{ matches('lower(' ~ column ~ ')', '[a-z][0-9]|[0-9][a-z]') }}
            then regexp_replace(regexp_replace(
                lower({{ column }}), '([a-z])([0-9])', '\1 \2', 'g'
            ), '([0-9])([a-z])', '\1 \2', 'g')
        else lower({{ column }})
    end
{%- endmacro %}

{% macro spark__digits_parted(column) -%}
    regexp_replace(regexp_replace(
        {{ small_letters(column) }}, '([a-z])([0-9])', '$1 $2'
    ), '([0-9])([a-z])', '$1 $2')
{%- endmacro %}


{#
    How often a phrase occurs in the words of a text.

    words, phrase: texts of `words_of`.
#}
{% macro times_in(words, phrase) -%}
    (length({{ words }}) - length(replace({{ words }}, {{ phrase }}, ' ')))
    / (length({{ phrase }}) - 1)
{%- endmacro %}


{#
    Whether a text may have one of the phrases of a seed: false only if it has none. One
    regular expression looks for all of them, which costs a small part of `words_of`.

    The expression is made when the model is compiled. Where the seed is not built, or is
    the input of a unit test, every text may have a phrase.

    text: in small letters. seed: the relation with the column `phrase`. condition: SQL
    that says which phrases count.
#}
{% macro may_have_phrase(text, seed, condition) -%}
    {%- set patterns = [] -%}
    {%- if execute and not seed.is_cte and load_relation(seed) -%}
        {%- set phrases = run_query(
            "select distinct trim(" ~ words_of('phrase') ~ ") as words from " ~ seed
            ~ " where " ~ condition ~ " order by words"
        ).columns[0].values() -%}
        {#- A boundary is matched once for all phrases: Java tries each in turn. -#}
        {%- for is_digit, class in [(false, 'a-z'), (true, '0-9')] -%}
            {%- set begun = [] -%}
            {%- for words in phrases if words and words[0].isdigit() == is_digit -%}
                {%- do begun.append(
                    words | replace(' ', '[^a-z0-9]*')
                    ~ ('([^0-9]|$)' if words[-1].isdigit() else '([^a-z]|$)')
                ) -%}
            {%- endfor -%}
            {%- if begun -%}
                {%- do patterns.append(
                    '(^|[^' ~ class ~ '])(' ~ begun | join('|') ~ ')'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ matches(text, patterns | join('|')) if patterns else 'true' }}
{%- endmacro %}
