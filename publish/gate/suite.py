"""Runs a Great Expectations suite in SQL on the file as read back.

Great Expectations uses our DuckDB connection through duckdb-sqlalchemy. Three of the
engine arguments keep a result usable after its connection went back to the pool. The
import takes two seconds, so it is inside `run`.

Every expectation is first asked only whether it holds: Great Expectations puts all of
these into a few queries. Those that fail are asked again with all details.
"""

import json
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

from publish.gate.checks import EXAMPLES, Check
from publish.gate.deferred import defer
from runtime.exits import Misuse
from runtime.garbage import no_collection

_ENGINE = {
    "isolation_level": "AUTOCOMMIT",
    "skip_autocommit_rollback": True,
    "pool_reset_on_return": None,
}
# An expectation reads the typed columns, or the fields as text, as in the file.
_TABLES = {"typed": "feed", "text": "feed_text"}
# A query that only selects by a condition. What else follows `where`, such as
# `group by`, is an error between brackets, and so is asked in its own form.
_PLAIN = re.compile(r"select [a-z0-9_, ]+ from \{batch\} where (.*)", re.DOTALL)


def read(root: Path, name: str) -> list[dict[str, Any]]:
    """Read the expectations of `tests/expectations/<name>.json` below `root`.

    Raises:
        Misuse: there is no such suite, or an expectation lacks a unique id or a why.
    """
    path = root / "tests" / "expectations" / f"{name}.json"
    try:
        expectations = json.loads(path.read_bytes())["expectations"]
    except FileNotFoundError:
        raise Misuse(f"expected the suite {path}, found no such file") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Misuse(
            f'expected {{"name", "expectations"}} in {path}, found: {error!r}'
        ) from None
    ids: set[str] = set()
    for place, expectation in enumerate(expectations, 1):
        meta = expectation.get("meta", {})
        if not meta.get("id") or meta["id"] in ids or not meta.get("why"):
            raise Misuse(
                f"{path}, expectation {place}: expected meta with an id of its own and "
                f"a why, found {json.dumps(meta)}"
            )
        if meta.get("reads", "typed") not in _TABLES:
            raise Misuse(f"{path}, {meta['id']}: meta.reads must be typed or text")
        ids.add(meta["id"])
    return list(expectations)


def run(
    connection: duckdb.DuckDBPyConnection,
    expectations: list[dict[str, Any]],
    key: tuple[str, ...],
) -> list[Check]:
    """Run a suite on the tables `feed` and `feed_text` of the database `scratch`.

    Args:
        connection: from `runtime.duck`, with `scratch`.
        expectations: from `read`.
        key: columns that name a row in an example.
    """
    if not expectations:
        return []
    # Without the million objects of this import, a search for garbage is short.
    with no_collection(keeps="great_expectations" not in sys.modules):
        defer("scipy.stats", "altair")
        # Registers the expectation that `as_aggregate` uses.
        import_module("publish.gate.row_conditions")
        import great_expectations as gx
        from duckdb_sqlalchemy import ConnectionWrapper
        from great_expectations.data_context.types.base import ProgressBarsConfig
        from sqlalchemy.pool import StaticPool

    def connect() -> Any:
        cursor = connection.cursor()
        cursor.execute("set TimeZone = 'UTC'")
        cursor.execute("use scratch")
        return ConnectionWrapper(cursor)

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # The stub of add_sql does not know `kwargs`; it has been there since 1.0.
    add_sql: Any = context.data_sources.add_sql
    source = add_sql(
        "scratch",
        connection_string="duckdb:///:memory:",
        kwargs={**_ENGINE, "creator": connect, "poolclass": StaticPool},
    )
    answers: dict[str, Mapping[str, Any]] = {}
    for reads, table in _TABLES.items():
        chosen = [
            {name: expectation[name] for name in ("type", "kwargs", "meta")}
            for expectation in expectations
            if expectation["meta"].get("reads", "typed") == reads
        ]
        if chosen:
            asset = source.add_table_asset(table, table_name=table)
            batch = asset.add_batch_definition_whole_table("all").get_batch()
            answers |= _answers(batch, chosen, key)
    source.get_engine().dispose()
    return [
        _check(expectation["meta"], answers[expectation["meta"]["id"]])
        for expectation in expectations
    ]


def _answers(
    batch: Any, expectations: list[dict[str, Any]], key: tuple[str, ...]
) -> dict[str, dict[str, Any]]:
    """Return the result of each expectation by its id: details only of failures."""
    by_row = [each for each in expectations if _is_by_row(each)]
    others = [as_aggregate(each) for each in expectations if not _is_by_row(each)]
    answers = _validate(batch, by_row, "BOOLEAN_ONLY")
    for answer in answers.values():
        # Where every row is as expected, no count is returned.
        answer["result"] = {"unexpected_count": 0}
    answers |= _validate(batch, others, "BASIC")
    failed = [
        each for each in expectations if not answers[each["meta"]["id"]]["success"]
    ]
    return answers | _validate(
        batch,
        failed,
        {
            "result_format": "COMPLETE",
            "partial_unexpected_count": EXAMPLES,
            "unexpected_index_column_names": list(key),
            "include_unexpected_rows": False,
        },
    )


def as_aggregate(expectation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form that is counted with all others, or the expectation itself."""
    match = None
    if expectation["type"] == "unexpected_rows_expectation":
        match = _PLAIN.fullmatch(expectation["kwargs"]["unexpected_rows_query"])
    if not match:
        return dict(expectation)
    table = _TABLES[expectation["meta"].get("reads", "typed")]
    try:
        # As Great Expectations formats its own query: braces are doubled in it.
        condition = match[1].format(batch=table)
    except (LookupError, ValueError):
        return dict(expectation)  # the error is that of its own form
    return {
        "type": "expect_no_row_where",
        "kwargs": {"condition": condition},
        "meta": expectation["meta"],
    }


def _is_by_row(expectation: Mapping[str, Any]) -> bool:
    """Return whether it holds only if every row is as expected."""
    kinds = (
        "expect_column_values_",
        "expect_column_value_",
        "expect_compound_columns_",
    )
    shared = "mostly" in expectation["kwargs"]
    return expectation["type"].startswith(kinds) and not shared


def _validate(
    batch: Any, expectations: list[dict[str, Any]], result_format: Any
) -> dict[str, dict[str, Any]]:
    import great_expectations as gx

    if not expectations:
        return {}
    suite = gx.ExpectationSuite(name="suite", expectations=expectations)
    result = batch.validate(suite, result_format=result_format)
    answers = [answer.to_json_dict() for answer in result.results]
    return {answer["expectation_config"]["meta"]["id"]: answer for answer in answers}


def _check(meta: Mapping[str, Any], answer: Mapping[str, Any]) -> Check:
    raised = _exception(answer.get("exception_info") or {})
    result = answer.get("result") or {}
    passed = bool(answer["success"])
    count = result.get("unexpected_count")
    if count is None:
        observed = result.get("observed_value")
        count = observed if isinstance(observed, int) and not passed else 0
    return Check(
        meta["id"], "suite", passed,
        meta["why"] if not raised else f"could not run: {raised}",
        result.get("observed_value", result.get("unexpected_count")),
        answer["expectation_config"]["kwargs"].get("value_set"),
        0 if passed else max(1, count),
        () if passed else _examples(result),
        # Nobody may approve a check that did not run, or the contract itself.
        hard=bool(raised) or bool(meta.get("hard")),
    )  # fmt: skip


def _exception(info: Mapping[str, Any]) -> str:
    """Return the message of an exception; Great Expectations nests it by metric."""
    if "raised_exception" in info:
        return str(info["exception_message"]) if info["raised_exception"] else ""
    return "; ".join(sorted({str(one["exception_message"]) for one in info.values()}))


def _examples(result: Mapping[str, Any]) -> tuple[Any, ...]:
    details = result.get("details") or {}
    for examples in (
        result.get("unexpected_index_list"),
        details.get("unexpected_rows"),
        details.get("mismatched"),
        result.get("partial_unexpected_list"),
    ):
        if examples:
            return tuple(examples[:EXAMPLES])
    return ()
