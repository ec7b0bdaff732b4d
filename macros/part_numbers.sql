{#
    The key by which part numbers are searched: capital letters and digits only. Every
    zero and every letter is kept: 018B5032 and 18B5032 are different parts, and a last
    letter is a colour, a side or a revision. The key is only for searching: the number
    is published as its maker prints it.

    column: a part number.
#}
{% macro part_number_key(column) -%}
    nullif({{ replaced(capitals(column), '[^A-Z0-9]+') }}, '')
{%- endmacro %}


{#
    A SKU without blanks and in capitals, to notice two that a person takes for one.

    column: a SKU.
#}
{% macro sku_folded(column) -%}
    {{ replaced(capitals(column), ' +') }}
{%- endmacro %}


{#
    Whether every character of a number is printable ASCII. Characters that only look
    alike (a Cyrillic letter, a long dash) are never replaced: a person must type the
    number again.

    column: a part number.
#}
{% macro is_printable(column) -%}
    coalesce({{ matches(column, '^[ -~]*$') }}, true)
{%- endmacro %}


{#
    Whether a number has only letters, digits and dashes, in a form in which it is never
    several numbers, damaged by a spreadsheet, a formula or without a digit. True if it
    is null. Most numbers are plain. This check costs less than any of those, so they
    are made only of the other numbers.

    A date or a month has a first group of one, two or four digits, or of three letters
    before at most four digits: 02-JAN, 2024-03-05, MAR-2019. 1E5 has three or four
    characters.

    column: a part number.
#}
{% macro is_plain(column) -%}
    coalesce({{ matches(column, plain_pattern()) }}, true)
{%- endmacro %}

{% macro plain_pattern() -%}
    {%- set group = '[0-9A-Za-z]' -%}
    {%- set shapes = [
        '[0-9]' ~ group ~ '?',
        '[0-9][0-9A-DF-Za-df-z]' ~ group ~ '{1,2}',
        '[0-9]' ~ group ~ '{4,13}',
        '[0-9]' ~ group ~ '{2}(' ~ group ~ '{2,11})?(-' ~ group ~ '+)+',
        '[A-Za-z]+[0-9]' ~ group ~ '*(-' ~ group ~ '+)*',
        '[A-Za-z]+-' ~ group ~ '{5,}(-' ~ group ~ '+)*',
    ] -%}
    ^({{ shapes | join('|') }})$
{%- endmacro %}


{#
    Whether a field for one number has several, or a number and a note: A, B and A / B
    and A -> B and A (OLD), WAS A, EX A, A x2, A* and A?, two words of six or more
    characters, two of five or more digits, and three words of five or more characters.
    Makers print short groups (1K0 615 301 AB) and short endings (564846/7). Two other
    words of five may be one number, such as 52119 0E901: `is_doubtful` finds them.

    column: a part number.
#}
{% macro is_several(column) -%}
    {#- A pattern cannot name these marks without a backslash. -#}
    {%- set text = "translate(" ~ capitals(column) ~ ", '[]{}' || chr(92), '|||||')" -%}
    coalesce({{ matches(text, several_pattern()) }}, false)
{%- endmacro %}

{% macro several_pattern() -%}
    {%- set notes = 'OR|AND|WAS|USE|OLD|NEW|NOW|ALSO|ALT|SEE|REPLACES|REPLACED'
        ~ '|SUPERSEDES|SUPERSEDED|PREV|PREVIOUS|PREVIOUSLY|FORMER|FORMERLY|NLA|OBSOLETE'
        ~ '|DISCONTINUED|THRU|P/N|QTY|PER' -%}
    {%- set word = '[0-9A-Z][0-9A-Z.-]{5,}' -%}
    {%- set group = '[0-9A-Z][0-9A-Z.-]{4,}' -%}
    {%- set shapes = [
        '[,;()|]',
        '.[<>=~].',
        ' [/&+:]|[/&+:] ',
        ' - |.[.]{2,}[^.]',
        '(^| )(LEFT|RIGHT|FRONT|REAR|OEM)( |$)',
        ' (TO|VS)[.]? ',
        '(^| )(' ~ notes ~ ')[:]? ',
        ' (' ~ notes ~ ')$',
        '^[^ /]{7,}/[^ /]{7,}$',
        '(^| )' ~ word ~ ' +' ~ word ~ '( |$)',
        group ~ ' +' ~ group ~ ' +' ~ group,
        '(^| )[0-9]{5,} +[0-9]{5,}( |$)',
        '(^| )EX[.:]? [0-9A-Z./-]{5,}',
        ' X ?[0-9]{0,3}$',
        '^(LH|RH|L/H|R/H) [A-Z]+[0-9]',
        '^(NO|NR|NUM|NUMBER)[.:]? [0-9A-Z]*[0-9]',
        '^[0-9]{1,2} ?X ',
        ' ([0-9]+ ?)?(PCS|PIECES?|EACH|PAIR|PACK|PKG)[.]?$',
        '^[^#].*[*?!^~]$',
        '^[*?!^~]',
    ] -%}
    {{ shapes | join('|') }}
{%- endmacro %}


{#
    Whether a number has characters, but no letter and no digit: ?, [] or ***. Such a
    number has no key, and a comparison with a missing key is neither true nor false.

    column: a part number.
#}
{% macro is_punctuation(column) -%}
    coalesce({{ matches(column, '^[ -~]+$') }}
    and not {{ matches(column, '[0-9A-Za-z]') }}, false)
{%- endmacro %}


{#
    Whether a spreadsheet damaged this number. Only forms that no maker prints: 1.23E+11,
    1.23E11 and 1E5 (with a plus, with a point in the mantissa, or with one digit and up
    to two: 44E5285 is a valid number), 1814.0, #N/A and the like in several languages,
    TRUE, _x000D_, an apostrophe or quotation mark at an end, points at the end, 16 digits
    and more of which those from the 16th are zeros, times and dates: 00:00, 1/2/2023,
    12/2023, 02-Jan, 2024-03-05 and 2023-02-01 00:00. Of a month a spreadsheet writes two
    digits, or a year from 1900 to 9999: Mar-05 and Mar-2019, never MAR-1234 or DEC-201.
    03/05 with a zero, and 45352.5: a day with a time is such a number to a spreadsheet.

    column: a part number.
#}
{% macro is_mangled(column) -%}
    coalesce(
        left({{ trimmed(column) }}, 1) in (chr(39), chr(34), chr(96))
        or right({{ trimmed(column) }}, 1) in (chr(39), chr(34), chr(96))
        or {{ matches(capitals(column), mangled_pattern()) }}, false
    )
{%- endmacro %}

{% macro mangled_pattern() -%}
    {%- set months = '(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|MRZ|MAI|OKT'
        ~ '|DEZ)' -%}
    {%- set long_months = '(JANUARY|FEBRUARY|MARCH|APRIL|MAY|JUNE|JULY|AUGUST|SEPTEMBER'
        ~ '|OCTOBER|NOVEMBER|DECEMBER)' -%}
    {%- set weekday = '((MON|TUE|WED|THU|FRI|SAT|SUN)[A-Z]* )?' -%}
    {%- set month = '(0?[1-9]|1[0-2])' -%}
    {%- set day = '(0?[1-9]|[12][0-9]|3[01])' -%}
    {%- set year = '([0-9]{2}|(19|[2-9][0-9])[0-9]{2})' -%}
    {%- set full_year = '(19|20)[0-9]{2}' -%}
    {%- set clock = '[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?[AP]M)?' -%}
    {%- set words = [
        '[0-9]+([.][0-9]+)? ?E[+][0-9]+',
        '[0-9]+[.][0-9]+E-[0-9]+',
        '#(N/A|NV|N/D|[A-Z/0-9]+[!?]|#+)',
    ] -%}
    {%- set shapes = [
        '[0-9]+[.][0-9]+E[0-9]+',
        '[1-9]E[0-9]{1,2}',
        '[0-9]+[.]0*',
        '.*[.]{2,}',
        '[1-9][0-9]{14}0+',
        'TRUE|FALSE|WAHR|FALSCH|VRAI|FAUX|INF|INFINITY',
        clock,
        '(0?1/00?|00?/0?1|00?/00?)/1900',
        '1899-12-3[01].*',
        day ~ '/' ~ day ~ '/' ~ year ~ '( ' ~ clock ~ ')?',
        day ~ '[.-]' ~ day ~ '[.-]' ~ full_year ~ '( ' ~ clock ~ ')?',
        '0[1-9]/' ~ day,
        day ~ '/0[1-9]',
        '4[0-9]{4}[.][0-9]+',
        month ~ '/' ~ full_year,
        full_year ~ '/' ~ month,
        weekday ~ day ~ '([-/ ]|[.] ?)' ~ months ~ '([-/. ]' ~ year ~ ')?',
        months ~ '[-/. ]' ~ year,
        '(' ~ day ~ '[- ])?' ~ long_months ~ '[- ]' ~ full_year,
        full_year ~ '[-/.]' ~ month ~ '[-/.]' ~ day ~ '([ T][0-9:.]+Z?)?',
        '.*_X[0-9A-F]{4}_.*',
    ] -%}
    (^| )({{ words | join('|') }})( |$)|^({{ shapes | join('|') }})$
{%- endmacro %}


{#
    Whether a number may be damaged or be two, but may be a maker's number as well: 44E5285
    and 12-2023, days such as 20240305 and 05-03-24, 12345 and 1111, and two words of
    four or five characters, MAR2024, 12/13 and words without a digit. Such a number
    goes out with a warning.

    column: a part number.
#}
{% macro is_doubtful(column) -%}
    coalesce(
        {{ matches(capitals(column), '^(' ~ doubtful_pattern() ~ ')$') }}, false
    )
{%- endmacro %}

{#
    Whether a spreadsheet that reads our file makes a number of a text: digits, an E and
    digits, such as the key 536227E119 of the number 53622-7E119. The text is right.

    column: a key.
#}
{% macro is_like_number(column) -%}
    coalesce({{ matches(column, '^[0-9]+[Ee][0-9]+$') }}, false)
{%- endmacro %}

{#
    Whether one of several numbers is doubtful. False if there are none.

    column: numbers that are separated by vertical bars.
#}
{% macro has_doubtful_number(column) -%}
    coalesce(
        {{ matches(column, '(^|[|])(' ~ doubtful_pattern() ~ ')($|[|])') }}, false
    )
{%- endmacro %}

{% macro doubtful_pattern() -%}
    {%- set months = '(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)' -%}
    {%- set month = '(0[1-9]|1[0-2])' -%}
    {%- set day = '(0[1-9]|[12][0-9]|3[01])' -%}
    {%- set full_year = '(19[5-9]|20[0-4])[0-9]' -%}
    {%- set group = '[0-9A-Z][0-9A-Z.-]{3,4}' -%}
    {%- set repeated = [] -%}
    {%- for digit in range(1, 10) -%}
        {%- do repeated.append(digit ~ '{4}') -%}
    {%- endfor -%}
    {%- set shapes = [
        '[0-9]+E[0-9]+',
        full_year ~ month ~ day ~ '([0-9]{4}|[0-9]{6})?',
        day ~ '[.-]' ~ day ~ '[.-][0-9]{2}',
        month ~ '[.-]' ~ full_year,
        full_year ~ '[.-]' ~ month,
        '123456?',
        day ~ '/' ~ day,
        months ~ full_year,
        '[^0-9|]+',
        group ~ ' +' ~ group,
    ] + repeated -%}
    {{ shapes | join('|') }}
{%- endmacro %}


{#
    A UPC as a GTIN of 14 digits, or null if it is none. Twelve and thirteen digits are
    padded with zeros, which keeps the check digit valid. The check digit is verified:
    with the weights 3, 1, 3 ... the sum of all fourteen digits ends in 0.

    Each digit is taken with all digits before it, as one number: the others of it are
    tens, which change no last digit. Fourteen texts of one digit cost three times as
    much.

    column: the UPC, trimmed. number: a column with it as a bigint; without one, DuckDB
    reads the UPC fourteen times.
#}
{% macro gtin_14(column, number=none) -%}
    {%- set number = number or 'try_cast(' ~ column ~ ' as bigint)' -%}
    {%- set weighed = [number] -%}
    {%- for place in range(1, 14) -%}
        {%- set digit = whole_quotient(number, 10 ** place) -%}
        {%- do weighed.append(('3 * ' if place % 2 else '') ~ digit) -%}
    {%- endfor -%}
    case
        when not {{ matches(column, '^[0-9]{12,14}$') }} then null
        -- All zeros have a valid check digit, and a blank label scans as zeros.
        when {{ number }} = 0 then null
        when ({{ weighed | join(' + ') }}) % 10 = 0
            then lpad({{ column }}, 14, '0')
    end
{%- endmacro %}


{#
    The parts of a field with several numbers (separated by | , ; : < > ~ or a backslash,
    / & + with a blank, a bracket, a quotation mark or a line break) as a list, in
    capitals.

    column: the field.
#}
{% macro split_numbers(column) -%}
    {{ return(adapter.dispatch('split_numbers')(column)) }}
{%- endmacro %}

{% macro default__split_numbers(column) -%}
    {%- set parted -%}
        regexp_replace(
            {{ capitals(column) }},
            '([0-9A-Z.-]{6,}) +([0-9A-Z.-]{6,})', '\1|\2', 'g'
        )
    {%- endset -%}
    string_split_regex(
        {{ parted }},
        '[|,;:<>~\\\n\r\t()\[\]{}"]+| [/&+]|[/&+] | (OR|AND) '
    )
{%- endmacro %}

{% macro spark__split_numbers(column) -%}
    {%- set parted -%}
        regexp_replace(
            {{ capitals(column) }}, '([0-9A-Z.-]{6,}) +([0-9A-Z.-]{6,})', '$1|$2'
        )
    {%- endset -%}
    split({{ parted }}, '[|,;:<>~\\\\\n\r\t()\\[\\]{}"]+| [/&+]|[/&+] | (OR|AND) ')
{%- endmacro %}


{#
    The numbers of a list, without duplicates and the part's own number.

    entries: a column with a list of numbers. It is read once for each entry, so an
    expression in its place would be computed as often. number: the part's own number.
#}
{% macro listed_numbers(entries, number) -%}
    {{ return(adapter.dispatch('listed_numbers')(entries, number)) }}
{%- endmacro %}

{% macro default__listed_numbers(entries, number) -%}
    list_filter(
        {{ entries }},
        lambda entry, place:
            entry is distinct from {{ number }}
            and list_position({{ entries }}, entry) = place
    )
{%- endmacro %}

{% macro spark__listed_numbers(entries, number) -%}
    array_distinct(filter({{ entries }}, entry -> not entry <=> {{ number }}))
{%- endmacro %}


{#
    The values of a group as a list, in the order of another column. Values for which
    the condition is not true are left out.

    column, order: columns. condition: SQL.
#}
{% macro listed_in_order(column, order, condition='true') -%}
    {{ return(adapter.dispatch('listed_in_order')(column, order, condition)) }}
{%- endmacro %}

{% macro default__listed_in_order(column, order, condition) -%}
    {#- DuckDB sorts lists ten times as fast as it lists a group in an order. -#}
    list_transform(
        list_sort(
            list(struct_pack(place := {{ order }}, listed := {{ column }}))
            filter (where {{ condition }})
        ),
        lambda pair: pair.listed
    )
{%- endmacro %}

{% macro spark__listed_in_order(column, order, condition) -%}
    transform(
        array_sort(collect_list(
            case when {{ condition }} then struct({{ order }}, {{ column }}) end
        )),
        pair -> pair.{{ column }}
    )
{%- endmacro %}


{#
    A number without the words that only comment on it: WAS 12H2178, 12H2178 OLD,
    12H2178 x2. A second pass removes a word whose blank the first pass took.

    column: a number in capitals.
#}
{% macro without_notes(column) -%}
    {%- set notes = '(^| )(OLD|NEW|WAS|USE|NOW|OEM|OE|ALT|ALSO|SEE|PREV|PREVIOUS'
        ~ '|PREVIOUSLY|FORMER|FORMERLY|SUPERSEDED|SUPERSEDES|REPLACED|REPLACES|BY|NLA'
        ~ '|OBSOLETE|DISCONTINUED|P/N)[.#]?( |$)' -%}
    {{ trimmed(replaced(
        replaced(replaced(column, notes, ' '), notes, ' '),
        '( X ?[0-9]{1,3}|(^| )[=-]*) *$'
    )) }}
{%- endmacro %}


{#
    Whether a number may be published: with a digit, not typed to fill the field, long
    enough to be matched, no longer than the partner accepts, printable, one number, not
    damaged and not a formula.

    column: a part number.
#}
{% macro is_fit_to_print(column) -%}
    (
        length({{ column }}) <= {{ var('part_number_length') }}
        and case
            when {{ matches(column, fit_pattern()) }} then true
            else
                length({{ part_number_key(column) }}) >= 4
                and {{ matches(column, '[1-9]') }}
                and not {{ is_filler(column) }}
                and case
                    when {{ is_plain(column) }} then true
                    else
                        {{ is_printable(column) }}
                        and not {{ is_several(column) }}
                        and not {{ is_mangled(column) }}
                        and not {{ is_formula(column) }}
                end
        end
    )
{%- endmacro %}

{#
    A number in capitals that is plain, surely a number (none_words.sql) and long enough.
    Most are.
#}
{% macro fit_pattern() -%}
    {%- set group = '[0-9A-Z]' -%}
    {%- set rest = [
        group ~ '{3,12}',
        group ~ '(' ~ group ~ '{2,11})?(-' ~ group ~ '+)+',
    ] -%}
    {%- set shapes = [
        '(' ~ sure_digits_pattern() ~ ')(' ~ rest | join('|') ~ ')',
        '[A-Z]{1,2}[1-9]' ~ group ~ '{2,}(-' ~ group ~ '+)*',
    ] -%}
    ^({{ shapes | join('|') }})$
{%- endmacro %}


{#
    The text from which a Partslink number is read: in capitals, without separators, or
    null. With the variable partslink_from_sku, an item without a Partslink number uses
    its SKU, if the SKU has the form of one.

    column: the Partslink field. sku: the SKU.
#}
{% macro partslink_text(column, sku) -%}
    {%- set text = "nullif(" ~ replaced(capitals(column), '[ -]+') ~ ", '')" -%}
    {%- if var('partslink_from_sku') -%}
        coalesce({{ text }}, case when {{ is_partslink(sku) }} then {{ sku }} end)
    {%- else -%}
        {{ text }}
    {%- endif -%}
{%- endmacro %}


{#
    Whether a text has the form of a Partslink number, with or without a suffix.

    column: a text.
#}
{% macro is_partslink(column) -%}
    {{ matches(column, '^[A-Z0-9]{2}[0-9]{4}[A-Z0-9]{3}[A-Z]{0,4}$') }}
{%- endmacro %}


{#
    The first entries of a list as one text, separated by |, or null.

    column: a list of texts. most: how many entries the partner accepts.
#}
{% macro first_joined(column, most) -%}
    {{ return(adapter.dispatch('first_joined')(column, most)) }}
{%- endmacro %}

{% macro default__first_joined(column, most) -%}
    nullif(array_to_string(list_slice({{ column }}, 1, {{ most }}), '|'), '')
{%- endmacro %}

{% macro spark__first_joined(column, most) -%}
    nullif(array_join(slice({{ column }}, 1, {{ most }}), '|'), '')
{%- endmacro %}
