"""The promise to the partner as a data contract (Open Data Contract Standard 3.1).

Made from the exposure, the model's contract and the suite; nothing is written by hand.
Where datacontract-cli can read the dialect, `datacontract test contract.odcs.yaml` in
the folder of a package tests every rule of it on the delivered file.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from publish.package.manifest import type_of
from store.dialect import Dialect
from store.feeds import Column, Feed

NAME = "contract.odcs.yaml"
_LOGICAL = {"datetime": "timestamp"}
_NOT_NULL = "expect_column_values_to_not_be_null"
# Expectations that the standard has an option of the column's type for.
_OPTIONS = {
    "expect_column_values_to_be_between": ("minimum", "maximum"),
    "expect_column_value_lengths_to_be_between": ("minLength", "maxLength"),
}
Suite = Sequence[Mapping[str, Any]]


def document(
    feed: Feed, file: str, environment: str, digest: str, suite: Suite
) -> dict[str, Any]:
    """Return the contract.

    A rule of the suite is in it if the standard has a term for it. Rules over several
    columns and rules on the text as written are in the suite alone; gates.json has the
    result of each.

    Args:
        feed: the declaration.
        file: name of the delivered file.
        environment: dev, uat or prod.
        digest: of columns, key, order and dialect: `contract_sha256` of a manifest.
        suite: the expectations of the feed.
    """
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{feed.destination}.{feed.exposure}",
        "name": feed.title,
        "version": digest[:12],
        "status": "active",
        "description": _description(feed),
        "servers": [_server(feed, file, environment)],
        "schema": [
            {
                # Without physicalName: datacontract-cli takes that for a table.
                "name": feed.exposure,
                "physicalType": "file",
                "logicalType": "object",
                "description": feed.description or feed.title,
                "properties": [_column(feed, column, suite) for column in feed.columns],
                "quality": [
                    _rule("RUN_MIN_ROWS", "rowCount", {}, mustBeGreaterOrEqualTo=least)
                    for least in (feed.guards.get("min_rows"),)
                    # Of a file of changes it is a limit on all rows.
                    if least is not None and feed.delta is None
                ],
                "customProperties": _properties(
                    file=feed.file, key=list(feed.key), sort=list(feed.sort),
                    dialect=_dialect(feed.dialect), splitBy=feed.split_by,
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


def _description(feed: Feed) -> dict[str, str]:
    described = {"purpose": feed.description or feed.title}
    if limits := _limits(feed):
        described["limitations"] = (
            "datacontract-cli cannot read the dialect of this file: it has no option "
            f"for {limits}. `datacontract test` runs no rule of this contract; "
            "gates.json has the result of every check."
        )
    return described


def _limits(feed: Feed) -> str:
    """Return what of the file datacontract-cli has no option for; "" if it reads it."""
    dialect = feed.dialect
    if dialect.format != "delimited":
        return {"fixed": "fixed widths", "jsonl": "JSON lines"}[dialect.format]
    if not dialect.is_plain:
        records = "header and trailer records"
        return records if dialect.records else f"the encoding {dialect.codec}"
    point = dialect.decimal_char
    formatted = [
        column.name
        for column in feed.columns
        if column.format.declared() or (column.scale and point != ".")
    ]
    if formatted:
        return f"the formats of the columns {', '.join(formatted)}"
    if (dialect.escape, dialect.null_text, dialect.header) == (dialect.quote, "", True):
        return ""
    return (
        f"the escape character {dialect.escape} and the null text {dialect.null_text!r}"
    )


def _server(feed: Feed, file: str, environment: str) -> dict[str, Any]:
    where: dict[str, Any] = {"type": "custom"}
    if not _limits(feed):
        where = {"type": "local", "path": f"./{file}", "format": "csv"}
    return {
        "server": f"{feed.destination}-{environment}",
        "environment": environment,
        **where,
        "customProperties": _properties(
            folder=feed.folder_in(environment),
            file=feed.file,
            marker=feed.travel.marked(feed.file) or None,
            travelsAs=sent
            if (sent := feed.travel.file(feed.file)) != feed.file
            else None,
        ),
    }


def _column(feed: Feed, column: Column, suite: Suite) -> dict[str, Any]:
    kind = type_of(column.type)
    described: dict[str, Any] = {
        "name": column.name,
        "logicalType": _LOGICAL.get(kind, kind),
        "physicalType": column.type,
    }
    if column.header != column.name:
        described["physicalName"] = column.header
    if format_ := column.format.declared():
        described["customProperties"] = _properties(format=format_)
    if column.description:
        described["description"] = column.description
    if column.name in feed.primary_key:
        described["primaryKey"] = True
        described["primaryKeyPosition"] = feed.primary_key.index(column.name) + 1
    options: dict[str, Any] = {}
    for expectation in _unconditional(suite, column.name):
        arguments, type_ = expectation["kwargs"], expectation["type"]
        if type_ == _NOT_NULL:
            described["required"] = True
        elif type_ in _OPTIONS:
            least, most = _OPTIONS[type_]
            limits = {
                least: arguments.get("min_value"),
                most: arguments.get("max_value"),
            }
            options |= {k: v for k, v in limits.items() if v is not None}
        elif type_ == "expect_column_values_to_be_in_set":
            values = {"validValues": arguments["value_set"]}
            described["quality"] = [
                _rule(expectation["meta"]["id"], "invalidValues", values, mustBe=0)
            ]
    if options:
        described["logicalTypeOptions"] = options
    return described


def _unconditional(suite: Suite, column: str) -> Iterator[Mapping[str, Any]]:
    """Yield the expectations of a column that hold for every row."""
    for expectation in suite:
        arguments = expectation["kwargs"]
        always = not arguments.get("row_condition") and arguments.get("mostly", 1) == 1
        if always and arguments.get("column") == column:
            yield expectation


def _rule(
    name: str, metric: str, arguments: Mapping[str, Any], **limit: int
) -> dict[str, Any]:
    return {
        "name": name,
        "type": "library",
        "metric": metric,
        **({"arguments": dict(arguments)} if arguments else {}),
        **limit,
        "severity": "error",
    }


def _dialect(dialect: Dialect) -> dict[str, Any]:
    if dialect.format != "delimited":
        return {_camel(field): _listed(v) for field, v in dialect.declared().items()}
    return {
        "encoding": dialect.codec,
        "delimiter": dialect.delimiter,
        "quote": dialect.quote,
        "quoting": dialect.quoting,
        "escape": dialect.escape,
        "nullText": dialect.null_text,
        "newline": dialect.line_end,
        "lineBreaks": dialect.line_breaks,
        "header": dialect.header,
        "timestampFormat": dialect.timestamp_format,
        "dateFormat": dialect.date_format,
        **(
            {"decimalChar": dialect.decimal_char} if dialect.decimal_char != "." else {}
        ),
    }


def _camel(field: str) -> str:
    first, *others = field.split("_")
    return first + "".join(map(str.capitalize, others))


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _levels(feed: Feed) -> list[dict[str, Any]]:
    levels: list[dict[str, Any]] = [
        {
            "property": "frequency",
            "value": feed.cadence.text,
            "unit": f"cron, {feed.cadence.zone}",
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
                "element": f"{feed.exposure}.{age['column']}",
            }
        )
    return levels


def _properties(**values: Any) -> list[dict[str, Any]]:
    return [
        {"property": name, "value": value}
        for name, value in values.items()
        if value is not None
    ]
