{#
    An expression is true on every row. The test fails with each row on which it is false
    or null. Write coalesce(..., true) around values that may be null.

    expression: a condition on one row.
#}
{% test expression_is_true(model, expression) %}

select *
from {{ model }}
where ({{ render(expression) if execute else expression }}) is not true

{% endtest %}
