"""The agreement with the partner as a data contract (Open Data Contract Standard 3.1).

Made from the exposure, the model's contract and the suite; nothing is written by hand.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from publish.package.manifest import type_of
from store.feeds import Column, Feed

NAME = "contract.odcs.yaml"
_PRESENT = "expect_column_values_to_not_be_null"
_LOGICAL = {"datetime": "timestamp"}


def document(
    feed: Feed, environment: str, digest: str, suite: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the contract.

    Args:
        feed: the declaration.
        environment: dev, uat or prod.
        digest: of columns, key, order and dialect: `contract_sha256` of a manifest.
        suite: the expectations of the feed.
    """
    required, checks = _expected(suite)
    by_column: dict[str | None, list[dict[str, Any]]] = {}
    for column, check in checks:
        by_column.setdefault(column, []).append(check)
    whole = [*_rules(feed), *by_column.pop(None, [])]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{feed.destination}.{feed.name}",
        "name": feed.title,
        "version": digest[:12],
        "status": "active",
        "description": {"purpose": feed.description or feed.title},
        "servers": [
            {
                "server": f"{feed.destination}-{environment}",
                "type": "custom",
                "environment": environment,
                "customProperties": _properties(
                    folder=feed.folder_in(environment), file=feed.file
                ),
            }
        ],
        "schema": [
            {
                "name": feed.name,
                "physicalName": feed.file,
                "physicalType": "file",
                "logicalType": "object",
                "description": feed.description or feed.title,
                "properties": [
                    _column(feed, column, column.name in required,
                            by_column.get(column.name, []))
                    for column in feed.columns
                ],
                "quality": whole,
                "customProperties": _properties(
                    key=list(feed.key), sort=list(feed.sort), dialect=_dialect(feed),
                    splitBy=feed.split_by,
                ),
            }
        ],
        "slaProperties": _levels(feed),
        "customProperties": _properties(
            contractSha256=digest, whenEmpty=feed.when_empty,
            whenUnchanged=feed.when_unchanged, state=feed.state.model,
        ),
    }  # fmt: skip


def text(contract: Mapping[str, Any]) -> bytes:
    """Write a contract as YAML: same contract, same bytes."""
    written: str = yaml.safe_dump(
        contract, sort_keys=False, allow_unicode=True, width=88
    )
    return written.encode()


def _column(
    feed: Feed, column: Column, required: bool, checks: list[dict[str, Any]]
) -> dict[str, Any]:
    kind = type_of(column.type)
    told: dict[str, Any] = {
        "name": column.name,
        "logicalType": _LOGICAL.get(kind, kind),
        "physicalType": column.type,
    }
    if column.description:
        told["description"] = column.description
    if required:
        told["required"] = True
    if column.name in feed.primary_key:
        told["primaryKey"] = True
        told["primaryKeyPosition"] = feed.primary_key.index(column.name) + 1
    if checks:
        told["quality"] = checks
    return told


def _dialect(feed: Feed) -> dict[str, Any]:
    dialect = feed.dialect
    return {
        "encoding": dialect.encoding,
        "delimiter": dialect.delimiter,
        "quote": dialect.quote,
        "quoting": dialect.quoting,
        "escape": dialect.escape,
        "nullText": dialect.null_text,
        "newline": dialect.line_end,
        "header": dialect.header,
        "timestampFormat": dialect.timestamp_format,
        "dateFormat": dialect.date_format,
    }


def _rules(feed: Feed) -> list[dict[str, Any]]:
    """Return the guards: the row count as the standard has it, the rest as ours."""
    rules: list[dict[str, Any]] = []
    least = feed.guards.get("min_rows")
    if least is not None:
        rules.append(
            {
                "name": "RUN_MIN_ROWS",
                "type": "library",
                "metric": "rowCount",
                "mustBeGreaterOrEqualTo": least,
                "severity": "error",
            }
        )
    for guard, limit in feed.guards.items():
        if guard != "min_rows":
            rules.append(_custom(guard, "publish", {"guard": guard, "limit": limit}))
    return rules


def _expected(
    suite: Sequence[Mapping[str, Any]],
) -> tuple[set[str], list[tuple[str | None, dict[str, Any]]]]:
    """Return the columns that are never missing, and every expectation by column."""
    required: set[str] = set()
    checks: list[tuple[str | None, dict[str, Any]]] = []
    for expectation in suite:
        asked = dict(expectation.get("kwargs", {}))
        column = asked.get("column")
        always = not asked.get("row_condition") and asked.get("mostly", 1) == 1
        if expectation["type"] == _PRESENT and always:
            required.add(str(column))
        meta = expectation.get("meta", {})
        check = _custom(
            meta.get("id", expectation["type"]),
            "great-expectations",
            {"type": expectation["type"], "kwargs": asked},
        )
        if meta.get("why"):
            check["description"] = meta["why"]
        checks.append((column, check))
    return required, checks


def _custom(name: str, engine: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "type": "custom",
        "engine": engine,
        "implementation": dict(asked),
        "severity": "error",
    }


def _levels(feed: Feed) -> list[dict[str, Any]]:
    levels: list[dict[str, Any]] = [
        {
            "property": "frequency",
            "value": feed.cadence.text,
            "unit": "cron, UTC",
            "scheduler": "cron",
            "schedule": feed.cadence.text,
        }
    ]
    age = feed.guards.get("max_age")
    if age:
        levels.append(
            {
                "property": "latency",
                "value": age["hours"],
                "unit": "h",
                "element": f"{feed.name}.{age['column']}",
            }
        )
    return levels


def _properties(**values: Any) -> list[dict[str, Any]]:
    return [
        {"property": name, "value": value}
        for name, value in values.items()
        if value is not None
    ]
