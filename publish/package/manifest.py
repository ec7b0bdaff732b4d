"""The manifest of a package: a Frictionless Data Package 2.0 descriptor.

A reader finds path, bytes, hash, dialect and columns of the file in it, an auditor
under `run` where it came from. It reads no clock: times are the logical time, dbt's and
extract's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.dialect import Dialect
from store.feeds import Column, Feed, positions

_PROFILE = "https://datapackage.org/profiles/2.0/"
# Format and media type of a resource.
_FORMATS = {
    "delimited": ("csv", "text/csv"),
    "fixed": ("txt", "text/plain"),
    "jsonl": ("jsonl", "application/jsonl"),
}
_TIMES = (
    "created and run.logical_time are the logical time of the run. The clock of dbt "
    "gave run.dbt.started_at and run.dbt.built_at, that of extract gave run.extracts. "
    "The package itself reads no clock."
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One table of a package: a file, its rows, columns, dialect, SHA-256 and key.

    `characters` counts the Unicode characters in the values of all text columns; a
    missing value has none. Wrong unescaping changes it. `risks` has what many readers
    misread; see `publish.package.reading`. `unencodable` has what the encoding lacks,
    `records` the lines of header and trailer.
    """

    name: str
    path: Path
    rows: int
    columns: tuple[Column, ...]
    dialect: Dialect
    sha256: str
    key: tuple[str, ...] = ()
    description: str = ""
    characters: int | None = None
    risks: Mapping[str, Mapping[str, Any]] | None = None
    unencodable: Mapping[str, Any] | None = None
    records: Mapping[str, Sequence[str]] | None = None


def build_manifest(
    feed: Feed,
    file: Resource,
    tables: Mapping[str, Resource],
    run: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the descriptor of a package.

    Its resources are the tables that its reader has. If the manifest goes to the
    partner, that is the feed alone, and `run.files` describes the others.

    Args:
        feed: the declaration.
        file: the feed's file.
        tables: the other tables of the package, such as audit and changes.
        run: where the file came from; see `publish.package`.
    """
    resources = [_resource(file, feed.primary_key)]
    others = {name: _resource(other) for name, other in tables.items()}
    described = dict(run)
    if feed.manifest == "keep":
        resources.extend(others.values())
    else:
        described["files"] = others
    return {
        "$schema": _PROFILE + "datapackage.json",
        "name": feed.exposure,
        "id": f"{feed.name}/{run['run_id']}",
        "title": feed.title,
        "description": feed.description or feed.title,
        "created": run["logical_time"],
        "resources": resources,
        "run": {**described, "times": _TIMES},
    }


def contract(feed: Feed) -> dict[str, Any]:
    """Return the promise to the partner: columns, key, order and dialect."""
    return {
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "description": column.description,
                **column.format.declared(),
            }
            for column in feed.columns
        ],
        "key": list(feed.key),
        "sort": list(feed.sort),
        "dialect": {
            **feed.dialect.declared(),
            "newline": feed.dialect.line_end,
        },
    }


def _resource(resource: Resource, primary_key: tuple[str, ...] = ()) -> dict[str, Any]:
    dialect = resource.dialect
    described: dict[str, Any] = {
        "name": re.sub(r"[^a-z0-9._-]", "-", resource.name.lower()),
        "type": "table",
        "path": resource.path.name,
        "format": _FORMATS[dialect.format][0],
        "mediatype": _FORMATS[dialect.format][1],
        "encoding": dialect.codec,
        "bytes": resource.path.stat().st_size,
        "hash": f"sha256:{resource.sha256}",
        "rows": resource.rows,
        "dialect": {
            "$schema": _PROFILE + "tabledialect.json",
            **_dialect(dialect),
            **_skipped(dialect),
        },
        "schema": {
            "$schema": _PROFILE + "tableschema.json",
            "fields": _fields(resource.columns, dialect),
            "missingValues": [] if dialect.format == "jsonl" else [dialect.null_text],
        },
    }
    if resource.characters is not None:
        # Not in the standard either.
        described["characters"] = resource.characters
    for name in ("risks", "records", "unencodable"):
        if (value := getattr(resource, name)) is not None:
            described[name] = dict(value)
    if dialect.escape != dialect.quote:
        described["dialect"]["escapeChar"] = dialect.escape
    if resource.description:
        described["description"] = resource.description
    if resource.key:
        # `key` is not in the standard: it names a row, but rows may share it.
        described["key"] = list(resource.key)
    if primary_key:
        headers = {column.name: column.header for column in resource.columns}
        described["schema"]["primaryKey"] = [headers[name] for name in primary_key]
    return described


def _dialect(dialect: Dialect) -> dict[str, Any]:
    if dialect.format == "jsonl":
        return {
            "header": False,
            "itemType": "object",
            "lineTerminator": dialect.line_end,
        }
    if dialect.format == "fixed":
        # fixedWidth is not in the standard; start, width, align and pad of the fields
        # are not either.
        return {
            "header": False,
            "fixedWidth": True,
            "lineTerminator": dialect.line_end,
        }
    return {
        "header": dialect.header,
        "delimiter": dialect.delimiter,
        "lineTerminator": dialect.line_end,
        "quoteChar": dialect.quote,
        "doubleQuote": dialect.escape == dialect.quote,
        "nullSequence": dialect.null_text,
    }


def _fields(columns: tuple[Column, ...], dialect: Dialect) -> list[dict[str, Any]]:
    fields = [_field(column, dialect) for column in columns]
    if dialect.format == "fixed":
        for field, column, place in zip(
            fields, columns, positions(columns), strict=True
        ):
            field |= {"start": place.start, "width": place.width}
            field |= {"align": place.align, "pad": column.format.pad}
    return fields


def _skipped(dialect: Dialect) -> dict[str, Any]:
    """Return which lines are no rows; lines are counted from 1."""
    described: dict[str, Any] = {}
    if first := len(dialect.header_records):
        described["commentRows"] = list(range(1, first + 1))
        if dialect.has_header:
            described["headerRows"] = [first + 1]
    if last := len(dialect.trailer_records):
        # Not in the standard: lines after the last row.
        described["trailerRows"] = last
    return described


def _field(column: Column, dialect: Dialect) -> dict[str, Any]:
    format_ = column.format
    field: dict[str, Any] = {"name": column.header, "type": type_of(column.type)}
    if column.header != column.name:
        # Not in the standard: our name, which key, risks and changes.csv have.
        field["column"] = column.name
    if column.description:
        field["description"] = column.description
    if field["type"] == "datetime":
        field["format"] = format_.format or dialect.timestamp_format
    elif field["type"] == "date":
        field["format"] = format_.format or dialect.date_format
    elif format_.words:
        field["trueValues"], field["falseValues"] = ([word] for word in format_.words)
    elif column.scale is not None:
        field |= _number(column, dialect)
    return field


def _number(column: Column, dialect: Dialect) -> dict[str, Any]:
    """Return how a number is written, where it is not as usual."""
    format_, scale = column.format, column.scale or 0
    places = scale if format_.places is None else format_.places
    mark = format_.marks(dialect).removeprefix(format_.group_char or "")
    described: dict[str, Any] = {}
    if not mark:
        # Not in the standard: the digits are a whole number of such parts.
        described |= {"type": "integer", "impliedPlaces": places} if places else {}
    elif places:
        described["type"] = "number"
        described |= {"decimalChar": mark} if mark != "." else {}
    if format_.group_char:
        # frictionless 5.21 does not know the groupChar of an integer.
        described |= {"type": "number", "groupChar": format_.group_char}
    return described


def type_of(type_: str) -> str:
    """Return the Table Schema type of a DuckDB type."""
    if type_.startswith("timestamp"):
        return "datetime"
    if type_.startswith(("decimal", "numeric")):
        return "number"
    if type_ in ("date", "boolean"):
        return type_
    if type_.endswith("int") or type_ == "integer":
        return "integer"
    return "string"
