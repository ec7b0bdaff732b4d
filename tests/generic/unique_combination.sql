{#
    No two rows have the same values in all of these columns. The test fails with each
    combination that occurs more than once, and how often.

    columns: the columns of the key.
#}
{% test unique_combination(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as occurrences

from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
