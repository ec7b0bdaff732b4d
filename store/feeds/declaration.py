"""What an exposure may say about a file, and the error when it says something else.

The shape is feed.schema.json; what a JSON Schema cannot know, that the named models
and columns exist, is checked here.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema

from runtime.exits import Misuse
from store.feeds.artifacts import Artifacts

SCHEMA = json.loads((Path(__file__).parent / "feed.schema.json").read_bytes())
FIELDS = frozenset(SCHEMA["properties"])
# Types with exactly one text form; a DOUBLE would print 1e-07 or 0.1 as it pleases.
_TYPES = re.compile(
    r"varchar|text|string|boolean|date|timestamp|timestamptz|timestamp with time zone"
    r"|tinyint|smallint|int|integer|bigint|hugeint"
    r"|(decimal|numeric)\(\s*\d+\s*,\s*\d+\s*\)"
)

_NUMERIC = re.compile(r"int|decimal|numeric")


def wrong(exposure: str, field: str, expected: str, found: object) -> Misuse:
    """Say which field of which exposure is wrong, and what it should be."""
    return Misuse(
        f"exposure {exposure}, field {field}: expected {expected}, found {found}. "
        "Correct it in the exposure's config.meta (publish/feeds/feed.schema.json "
        "explains every field), then run `dbt build`."
    )


def validate(exposure: str, meta: Mapping[str, Any]) -> None:
    """Check the meta of an exposure against feed.schema.json.

    Raises:
        Misuse: names the first wrong field, what was expected and what was found.
    """
    validator = jsonschema.Draft202012Validator(SCHEMA)
    errors = sorted(validator.iter_errors(meta), key=lambda error: error.json_path)
    if errors:
        error = errors[0]
        field = error.json_path.removeprefix("$").removeprefix(".") or "(meta)"
        raise wrong(exposure, field, _expected(error), _short(error.instance))


def agrees_with_models(
    exposure: str, meta: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]
) -> None:
    """Check that every model and column the meta names exists, with a lawful type.

    Args:
        exposure: name for the message.
        meta: the meta, valid by `validate`.
        models: by name, the manifest's nodes that the exposure stands on.

    Raises:
        Misuse: as `validate`.
    """
    named = {field: meta.get(field) for field in ("model", "audit", "state")}
    named["open.model"] = meta.get("open", {}).get("model")
    for field, model in named.items():
        if model is not None and model not in models:
            raise wrong(exposure, field, "a model it depends on", model)
    columns = models[meta["model"]]["columns"]
    if not columns:
        raise wrong(exposure, "model", "a contract with columns", "none")
    for column in columns.values():
        if not _TYPES.fullmatch(type_of(column)):
            raise wrong(
                exposure,
                f"model, column {column['name']}",
                "a data_type with one text form, such as varchar or decimal(18,2)",
                type_of(column) or "none",
            )
    for field, name in _columns_named(meta):
        if name not in columns:
            raise wrong(exposure, field, f"a column of {meta['model']}", name)
    _agrees_with_audit(exposure, meta, models)
    for name in meta.get("changes", {}).get("measures", ()):
        if not _NUMERIC.search(type_of(columns[name])):
            kind = type_of(columns[name])
            raise wrong(exposure, "changes.measures", "a numeric column", kind)
    _agrees_with_itself(exposure, meta)


def _agrees_with_audit(
    exposure: str, meta: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]
) -> None:
    if "audit" not in meta:
        for field in ("audit_omit", "guards.max_review_share"):
            if field.rpartition(".")[2] in {*meta, *meta["guards"]}:
                raise wrong(exposure, field, "an audit model", "none")
        return
    # Tools count and look up the rows of audit.csv by these.
    needed = {"status", "output", "reason_code", "reason_codes", *meta["key"]}
    for name in meta.get("audit_omit", ()):
        if name in needed:
            raise wrong(exposure, "audit_omit", "no key, status or reason", name)
        if name not in models[meta["audit"]]["columns"]:
            raise wrong(exposure, "audit_omit", f"a column of {meta['audit']}", name)


def _agrees_with_itself(exposure: str, meta: Mapping[str, Any]) -> None:
    if "open" in meta and "split_by" not in meta:
        raise wrong(exposure, "open", "split_by beside it", "none")
    if meta.get("final_full_on_close") and "open" not in meta:
        raise wrong(exposure, "final_full_on_close", "open beside it", "none")
    if missing := set(meta["key"]) - set(meta["sort"]):
        raise wrong(exposure, "sort", "every key column", f"it lacks {sorted(missing)}")
    if ("{split}" in meta["file"]) != ("split_by" in meta):
        raise wrong(exposure, "file", "{split} just where split_by is", meta["file"])
    omitted = {*meta.get("omit", ())}
    told = {**meta.get("changes", {})}
    if gone := omitted & {*told.get("measures", ()), told.get("group")}:
        raise wrong(exposure, "changes", "columns that are written", sorted(gone))
    across = meta["guards"].get("keys_stay", {}).get("across_splits")
    if across and "split_by" not in meta:
        field = "guards.keys_stay.across_splits"
        raise wrong(exposure, field, "split_by beside it", "none")


def type_of(column: Mapping[str, Any]) -> str:
    """Return a column's data_type in lower case, spaces made single."""
    return " ".join((column.get("data_type") or "").lower().split())


def _columns_named(meta: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    guards = meta["guards"]
    yield from (("sort", name) for name in meta["sort"])
    yield from (("key", name) for name in meta["key"])
    yield from (("omit", name) for name in meta.get("omit", ()))
    yield from (("guards.values_stay", name) for name in guards.get("values_stay", ()))
    for guard in ("max_total_drop", "max_age"):
        if guard in guards:
            yield f"guards.{guard}.column", guards[guard]["column"]
    for guard in ("keys_stay", "max_keys_changed"):
        for name in guards.get(guard, {}).get("columns", ()):
            yield f"guards.{guard}.columns", name
    for name in meta.get("drift", {}).get("ignore", ()):
        yield "drift.ignore", name
    changes = meta.get("changes", {})
    yield from (("changes.measures", name) for name in changes.get("measures", ()))
    for field, holder in (("split_by", meta), ("changes.group", changes)):
        if (name := field.rpartition(".")[2]) in holder:
            yield field, holder[name]


def _expected(error: jsonschema.ValidationError) -> str:
    asked: Any = error.validator_value
    schema: Any = error.schema
    match error.validator:
        case "required":
            return f"the fields {', '.join(asked)}"
        case "additionalProperties":
            return f"only the fields {', '.join(schema['properties'])}"
        case "enum":
            return "one of " + ", ".join(map(json.dumps, asked))
        case "type":
            return f"a value of type {asked}"
        case "pattern":
            return f"text like {asked}"
        case "const":
            return json.dumps(asked)
        case "minimum" | "maximum" | "exclusiveMinimum":
            return f"{error.validator} {asked}"
        case _:
            return f"{error.validator} {json.dumps(asked)}"


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return f"the fields {', '.join(map(str, value)) or '(none)'}"
    return json.dumps(value, ensure_ascii=False, default=str)[:120]


# Tests of uniqueness, and the argument that has the columns.
_UNIQUE = {
    "unique": "column_name",
    "unique_combination": "columns",
    "unique_combination_of_columns": "combination_of_columns",  # of dbt_utils
}


def primary_key(
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
