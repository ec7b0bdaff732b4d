"""Counts the rows that meet a condition, all conditions of a table in one query.

Great Expectations runs two queries for each `unexpected_rows_expectation`: one counts,
one returns the rows. The expectation of this module is an aggregate, which Great
Expectations puts into one query with all others. A condition that rows meet is asked
again in its own form, for examples.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from great_expectations.compatibility.sqlalchemy import sqlalchemy
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.table_metric_provider import (
    TableMetricProvider,
)

# A query that only selects by a condition. What else follows `where`, such as
# `group by`, is an error between brackets, and so is asked in its own form.
_PLAIN = re.compile(r"select [a-z0-9_, ]+ from \{batch\} where (.*)", re.DOTALL)


class RowsWhere(TableMetricProvider):  # type: ignore[misc]
    """The number of rows that meet a condition."""

    metric_name = "table.rows_where"
    value_keys = ("condition",)

    @metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _sqlalchemy(
        self,
        execution_engine: Any,
        metric_domain_kwargs: Any,
        metric_value_kwargs: Any,
        metrics: Any,
        runtime_configuration: Any,
    ) -> Any:
        met = sqlalchemy.literal_column(f"({metric_value_kwargs['condition']})")
        rows = sqlalchemy.func.sum(sqlalchemy.case((met, 1), else_=0))
        return sqlalchemy.func.coalesce(rows, 0), metric_domain_kwargs, {}


class ExpectNoRowWhere(BatchExpectation):  # type: ignore[misc]
    """No row meets `condition`."""

    condition: str
    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.rows_where",)
    success_keys: ClassVar[tuple[str, ...]] = ("condition",)

    def _validate(
        self,
        metrics: Any,
        runtime_configuration: Any = None,
        execution_engine: Any = None,
    ) -> Any:
        count = int(metrics["table.rows_where"])
        return {"success": count == 0, "result": {"observed_value": count}}


def as_aggregate(expectation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form that is counted with all others, or the expectation itself."""
    match = None
    if expectation["type"] == "unexpected_rows_expectation":
        match = _PLAIN.fullmatch(expectation["kwargs"]["unexpected_rows_query"])
    if not match:
        return dict(expectation)
    return {
        "type": "expect_no_row_where",
        # Great Expectations formats its own query, and braces are doubled in it.
        "kwargs": {"condition": match[1].replace("{{", "{").replace("}}", "}")},
        "meta": expectation["meta"],
    }
