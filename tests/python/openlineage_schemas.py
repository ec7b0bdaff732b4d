"""OpenLineage's published schemas, and what an event or a facet breaks of them.

The schemas are those of `tests/fixtures/openlineage`; no network is asked. JSON Schema
lets a validator ignore `format`: here it is asserted, and a format that nobody checks
is an error of the test.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import jsonschema
from commands import ROOT
from referencing import Registry, Resource

SCHEMAS = [
    json.loads(path.read_bytes())
    for path in sorted((ROOT / "tests/fixtures/openlineage").glob("*.json"))
]
FACETS = {name for schema in SCHEMAS for name in schema.get("properties", {})}
_REGISTRY: Registry[Any] = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS]
)
_FORMATS = jsonschema.FormatChecker(["uuid"])


@_FORMATS.checks("date-time")
def _is_moment(value: object) -> bool:
    """Of RFC 3339: date, time and offset; what is written as one must be one."""
    form = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"
    if not isinstance(value, str):
        return True  # of another type, which is not for a format to say
    try:
        return bool(re.fullmatch(form, value) and datetime.fromisoformat(value))
    except ValueError:
        return False


@_FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    """Of RFC 3986: a scheme, then characters that may be in a URI."""
    form = r"[A-Za-z][A-Za-z0-9+.-]*:([\w.~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
    return not isinstance(value, str) or bool(re.fullmatch(form, value, re.ASCII))


def _formats(schema: Any) -> Iterator[str]:
    """Walk through a schema; a property named `format` has an object, no text."""
    if isinstance(schema, dict):
        if isinstance(named := schema.get("format"), str):
            yield named
        schema = list(schema.values())
    for part in schema if isinstance(schema, list) else ():
        yield from _formats(part)


def faults(url: str, value: object) -> list[str]:
    """Say what `value` breaks of the schema that `url` names."""
    validator = jsonschema.Draft202012Validator(
        {"$ref": url}, registry=_REGISTRY, format_checker=_FORMATS
    )
    return [error.message for error in validator.iter_errors(value)]


def unknown_fields(url: str, facet: dict[str, Any]) -> set[str]:
    """Name the fields of a facet of which its schema says nothing.

    The schemas allow any further field, so that a misspelt one is no fault of theirs.
    """
    address, _, definition = url.partition("#/$defs/")
    schema = _REGISTRY.contents(address)["$defs"][definition]
    known = {name for part in schema["allOf"] for name in part.get("properties", ())}
    return facet.keys() - known - {"_producer", "_schemaURL"}


assert set(_formats(SCHEMAS)) <= _FORMATS.checkers.keys()
