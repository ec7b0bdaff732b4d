{#
    An expression holds on every row. Fails with each row on which it is false or null,
    so write coalesce(..., true) around what may be null.

    expression: a condition on one row.
#}
{% test expression_is_true(model, expression) %}

select *
from {{ model }}
where ({{ expression }}) is not true

{% endtest %}
