"""Whether a key identifies a row: what the project's YAML promises, not what it hopes.

A key pairs rows and orders them, which it can do where several share it. A primary key
is more: no two rows have it and no part of it is missing. Who reads the file relies on
that, so it is said only where dbt holds the model to it, by a test or a constraint.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from publish.feeds.artifacts import Artifacts

# Tests of uniqueness, and the argument that has the columns.
_UNIQUE = {
    "unique": "column_name",
    "unique_combination": "columns",
    "unique_combination_of_columns": "combination_of_columns",  # of dbt_utils
}


def primary(
    artifacts: Artifacts, unique_id: str, meta: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the key as far as it is written, if it identifies a row of a file.

    Args:
        artifacts: dbt's.
        unique_id: of the model that becomes the file.
        meta: the declaration; a split value is the same on every row of a file.

    Returns:
        The columns; none if two rows may share them, or if one may be missing.
    """
    key = tuple(name for name in meta["key"] if name not in meta.get("omit", ()))
    enough = {*key, meta.get("split_by")}
    unique = any(columns <= enough for columns in _unique(artifacts, unique_id))
    return key if unique and {*key} <= {*_present(artifacts, unique_id)} else ()


def _unique(artifacts: Artifacts, unique_id: str) -> Iterator[frozenset[str]]:
    for kind, columns in _constraints(artifacts.node(unique_id)):
        if kind in ("unique", "primary_key"):
            yield columns
    for kind, arguments in _tests(artifacts, unique_id):
        if named := arguments.get(_UNIQUE.get(kind, "")):
            yield frozenset([named] if isinstance(named, str) else named)


def _present(artifacts: Artifacts, unique_id: str) -> Iterator[str]:
    for kind, columns in _constraints(artifacts.node(unique_id)):
        if kind in ("not_null", "primary_key"):
            yield from columns
    for kind, arguments in _tests(artifacts, unique_id):
        if kind == "not_null":
            yield arguments["column_name"]


def _constraints(model: Mapping[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    for constraint in model.get("constraints", ()):
        yield constraint["type"], frozenset(constraint.get("columns", ()))
    for column in model["columns"].values():
        for constraint in column.get("constraints", ()):
            yield constraint["type"], frozenset([column["name"]])


def _tests(
    artifacts: Artifacts, unique_id: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Pass on the generic tests of all rows of a model that let no row fail."""
    for node in artifacts.manifest["nodes"].values():
        config, test = node.get("config", {}), node.get("test_metadata")
        if test and node.get("attached_node") == unique_id:
            strict = str(config.get("severity", "error")).lower() == "error"
            any_fails = config.get("error_if", "!= 0") == "!= 0"
            if strict and any_fails and not config.get("where"):
                yield test["name"], test.get("kwargs", {})
