{#
    A text as it is compared with the words for none: capital letters and zeros only.
    Null if the text has another digit: no word for none has one, and this check is
    cheap.

    column: the text.
#}
{% macro none_key(column) -%}
    case
        -- Most texts have no mark but blanks, and to remove marks costs more.
        when {{ matches(column, '^[A-Za-z0 ]*$') }}
            then replace(upper({{ column }}), ' ', '')
        when {{ matches(column, '[1-9]') }} then null
        else {{ adapter.dispatch('without_marks')(capitals(column)) }}
    end
{%- endmacro %}

{% macro default__without_marks(column) -%}
    regexp_replace({{ column }}, '[ -/:-@\[-`{-~–—…\t\n\r\x{A0}]+', '', 'g')
{%- endmacro %}

{% macro spark__without_marks(column) -%}
    translate(
        {{ column }},
        ' !"#$%&''()*+,-./:;<=>?@[]^_`{|}~–—…' || chr(92) || chr(9) || chr(10)
        || chr(13) || chr(160), ''
    )
{%- endmacro %}


{#
    Whether the first characters of a text show that it is a number, and neither a word
    for none nor a filler: two different digits that do not begin a count (12, 98), a
    digit other than zero before a letter, one or two letters before a digit, or a word
    before four digits. Null if it is null. Most numbers begin so, and this check costs
    less than any of those, so they are made only of other texts.

    column: the text.
#}
{% macro is_surely_number(column) -%}
    {{ matches(column, '^(' ~ sure_number_pattern() ~ ')') }}
{%- endmacro %}

{% macro sure_number_pattern() -%}
    {%- set letter = '[A-Za-z]' -%}
    {{ [
        sure_digits_pattern(),
        letter ~ '{1,2}[0-9]*[1-9]',
        letter ~ '+-?[1-9][0-9]{3}',
    ] | join('|') }}
{%- endmacro %}

{% macro sure_digits_pattern() -%}
    {%- set shapes = ['0[2-8]', '1[03-9A-Za-z]', '9[0-7A-Za-z]'] -%}
    {%- for digit in range(2, 9) -%}
        {%- do shapes.append(
            digit ~ '[0-' ~ (digit - 1) ~ (digit + 1) ~ '-9A-Za-z]'
        ) -%}
    {%- endfor -%}
    {{ shapes | join('|') }}
{%- endmacro %}


{#
    The key of a value, as it is compared with the words for none. A word with a number
    of up to three digits behind it is that word: TBA1, TEST-002. A short word is none
    only without a number: NA1 and NO12 are numbers of makers, and so is TBA0020.

    column: the value.
#}
{% macro none_key_of_value(column) -%}
    case
        -- A word without a digit, as most texts are.
        when {{ matches(column, '^[A-Za-z ]*$') }}
            then replace(upper({{ column }}), ' ', '')
        when {{ matches(
            column, '^ *[A-Za-z][A-Za-z/. ]+[A-Za-z/.][ #_:-]*[0-9]{1,3} *$'
        ) }} then {{ none_key(replaced(column, '[0-9]+ *$')) }}
        else {{ none_key(column) }}
    end
{%- endmacro %}


{#
    Whether a text has no letter and no digit but zero, is only the letter X, or is an
    object or a list of JSON. False if it is null.

    column: the text. key: its none_key.
#}
{% macro is_no_text(column, key) -%}
    coalesce(
        case
            when {{ key }} = '' or {{ key }} like '0%' or {{ key }} like 'XX%'
                then {{ matches(key, '^(0*|X{2,})$') }}
            else false
        end
        or {{ is_json(column) }}, false
    )
{%- endmacro %}


{#
    Whether a text begins with a word that denies: no, not, none, unknown ("no warranty",
    "not yet"). "No. 1" denies nothing. False if it is null.

    column: the text.
#}
{% macro is_denied(column) -%}
    {%- set words = 'NOT|NONE|NEVER|WITHOUT|UNKNOWN|UNPROVEN|PENDING|MISSING|N/A'
        ~ '|TB[ACD]' -%}
    coalesce(
        {{ matches(
            capitals(trimmed(column)),
            '^(NO([^A-Z.]|$)|(' ~ words ~ ')([^A-Z]|$))'
        ) }}, false
    )
{%- endmacro %}


{#
    Whether a text says nothing of a source and a warranty, or denies one: yes, x and 1,
    "no warranty", "ask Bob", "dealer, no warranty", "source unknown". False if it is
    null.

    column: the text.
#}
{% macro is_no_proof(column) -%}
    {%- set denied = 'NO|NOT|NONE|NEVER|WITHOUT|UNKNOWN|UNPROVEN|PENDING|MISSING|N/A'
        ~ '|NEIN|KEINE?|TB[ACD]' -%}
    coalesce(
        not {{ matches(column, '[A-Za-z]{3}') }}
        or {{ matches(
            capitals(trimmed(column)),
            '^(YES|TRUE|ASK([^A-Z].*)?)$|(^|[^A-Z])(' ~ denied ~ ')([^A-Z.]|$)'
        ) }}, false
    )
{%- endmacro %}


{#
    Whether a number is only zeros, only dashes and points, or only the letter X, or is
    words without a digit of which the first denies (Not avail.).

    column: a part number.
#}
{% macro is_no_number(column) -%}
    coalesce(
        {{ matches(column, '^([ 0._/,–—-]*|[Xx]{2,})$') }}
        or not {{ matches(column, '[0-9]') }} and {{ is_denied(column) }}, false
    )
{%- endmacro %}


{#
    Whether a number is what people type to fill a field: one character five times or
    more (11111-11111), or seven digits and more in their order (1234567).

    column: a part number.
#}
{% macro is_filler(column) -%}
    {%- set plain = "translate(" ~ capitals(column) ~ ", ' ._/-', '')" -%}
    case
        when length({{ column }}) < 5 then false
        when left({{ column }}, 1) = right({{ column }}, 1)
            then
                length({{ plain }}) >= 5
                and replace({{ plain }}, left({{ plain }}, 1), '') = ''
        when left({{ column }}, 1) in ('0', '1', '9')
            then
                length({{ column }}) >= 7
                and contains('|01234567890|09876543210', {{ column }})
        else false
    end
{%- endmacro %}


{#
    The none_key of each value, in a select list: <column>_none. It is 1 for what is
    surely a number: no other key has this digit.

    numbers, texts: names of columns.
#}
{% macro none_keys(numbers, texts) -%}
    {%- set keys = [] -%}
    {%- for column in numbers -%}
        {%- do keys.append(
            'case when ' ~ is_surely_number(column) ~ " then '1' else "
            ~ none_key_of_value(column) ~ ' end as ' ~ column ~ '_none'
        ) -%}
    {%- endfor -%}
    {%- for column in texts -%}
        {%- do keys.append(none_key_of_value(column) ~ ' as ' ~ column ~ '_none') -%}
    {%- endfor -%}
    {{ keys | join(', ') }}
{%- endmacro %}


{#
    A number, or null if it stands for none. The words for none are the relation
    none_words (word), each as its key.

    column: a column of `none_keys`.
#}
{% macro number_unless_none(column) -%}
    case
        when {{ column }}_none = '1' then {{ column }}
        when {{ column }}_none is null
            then case when not {{ is_filler(trimmed(column)) }} then {{ column }} end
        when {{ column }}_none in (select word from none_words) then null
        when {{ is_filler(trimmed(column)) }} then null
        when not {{ is_no_number(column) }} then {{ column }}
    end
{%- endmacro %}


{#
    A text, or null if it stands for none.

    column: a column of `none_keys`. words: the relation with the words for none (word),
    each as its key.
#}
{% macro text_unless_none(column, words='none_words') -%}
    case
        when {{ column }}_none in (select word from {{ words }}) then null
        when not {{ is_no_text(column, column ~ '_none') }} then {{ column }}
    end
{%- endmacro %}
