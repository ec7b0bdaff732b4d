"""Counts the rows that meet a condition, all conditions of a table in one query.

Great Expectations runs two queries for each `unexpected_rows_expectation`: one counts,
one returns the rows. The expectation of this module is an aggregate, which Great
Expectations puts into one query with all others. A condition that rows meet is asked
again in its own form, for examples.
"""

from typing import Any, ClassVar

import sqlalchemy
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine.sqlalchemy_execution_engine import (
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.table_metric_provider import (
    TableMetricProvider,
)


class RowsWhere(TableMetricProvider):
    """The number of rows that meet a condition."""

    metric_name = "table.rows_where"
    value_keys = ("condition",)

    @metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _sqlalchemy(
        cls,  # noqa: N805 (Great Expectations passes this name)
        execution_engine: Any,
        metric_domain_kwargs: Any,
        metric_value_kwargs: Any,
        metrics: Any,
        runtime_configuration: Any,
    ) -> Any:
        met: Any = sqlalchemy.literal_column(f"({metric_value_kwargs['condition']})")
        rows = sqlalchemy.func.sum(sqlalchemy.case((met, 1), else_=0))
        return sqlalchemy.func.coalesce(rows, 0), metric_domain_kwargs, {}


class ExpectNoRowWhere(BatchExpectation):
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
