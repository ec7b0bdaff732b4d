"""dbt's manifest: the project, and what its tests promise."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

import msgspec

from runtime.environment import Environment
from runtime.exits import Misuse

_BUILD = "Run `dbt build` from the project root."


class Artifacts(msgspec.Struct, frozen=True):
    """manifest.json, as dbt wrote it (schema v12)."""

    manifest: Mapping[str, Any]

    def node(self, unique_id: str) -> Mapping[str, Any]:
        """Return a model, seed, snapshot, test or source of the manifest."""
        for kind in ("nodes", "sources", "exposures"):
            if unique_id in self.manifest.get(kind, {}):
                node: Mapping[str, Any] = self.manifest[kind][unique_id]
                return node
        raise Misuse(f"manifest.json does not have {unique_id}. {_BUILD}")

    def ancestors(self, unique_id: str) -> frozenset[str]:
        """Name everything that a node or exposure depends on, sources included."""
        above: set[str] = set()
        waiting = list(parents(self.node(unique_id)))
        while waiting:
            name = waiting.pop()
            if name not in above:
                above.add(name)
                waiting.extend(parents(self.node(name)))
        return frozenset(above)


def meta_of(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the meta of an exposure, source or other node of the manifest."""
    meta: Mapping[str, Any] = node.get("config", {}).get("meta") or {}
    return meta or node.get("meta") or {}


def parents(node: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what a node depends on directly; a source depends on nothing."""
    return tuple(node.get("depends_on", {}).get("nodes", ()))


def sources_below(artifacts: Artifacts, exposure: str) -> list[str]:
    """Name the sources below an exposure that `extract` lands, sorted."""
    below = _sources(artifacts, exposure)
    return sorted({n["source_name"] for n in below if not _is_state(n)})


def states_below(artifacts: Artifacts, exposure: str) -> list[str]:
    """Name the models whose delivered state an exposure depends on, sorted."""
    return sorted(n["name"] for n in _sources(artifacts, exposure) if _is_state(n))


def _sources(artifacts: Artifacts, exposure: str) -> list[Mapping[str, Any]]:
    above = [artifacts.node(id_) for id_ in artifacts.ancestors(exposure)]
    return [node for node in above if node["resource_type"] == "source"]


def _is_state(source: Mapping[str, Any]) -> bool:
    """Whether a source reads what partners have, which `publish` writes."""
    return "/delivered/" in str(meta_of(source).get("external_location", ""))


def read(root: Path, variables: Environment) -> Artifacts:
    """Read dbt's manifest from `DBT_TARGET_PATH` (default `target`) below `root`.

    Raises:
        Misuse: the file is missing or is not the JSON that dbt writes.
    """
    target = root / variables.text("DBT_TARGET_PATH", "target")
    return Artifacts(_load(target / "manifest.json", "exposures"))


def read_declarations(root: Path, variables: Environment) -> Artifacts:
    """Read only the fields of the manifest that declare files: an eighth of the time.

    No SQL, macro or checksum is in it.

    Raises:
        Misuse: as `read`.
    """
    path = root / variables.text("DBT_TARGET_PATH", "target") / "manifest.json"
    with suppress(OSError):
        if manifest := declarations(path):
            return Artifacts(manifest)
    return read(root, variables)  # its errors have the words


def declarations(path: Path) -> Mapping[str, Any] | None:
    """Return only those fields; None if the file is not as dbt writes it.

    Raises:
        OSError: there is no such file.
    """
    try:
        manifest: Mapping[str, Any] = _DECODE(path.read_bytes())
    except ValueError:
        return None
    return manifest if "exposures" in manifest else None


class _DependsOn(TypedDict, total=False):
    nodes: list[str]


class _Config(TypedDict, total=False):
    meta: Any
    materialized: Any
    severity: Any
    error_if: Any
    where: Any


class _Node(TypedDict, total=False):
    unique_id: str
    resource_type: str
    name: str
    alias: Any
    schema: Any
    label: Any
    description: Any
    columns: Any
    constraints: Any
    meta: Any
    source_name: Any
    attached_node: Any
    test_metadata: Any
    config: _Config
    depends_on: _DependsOn


class _UnitTest(TypedDict, total=False):
    depends_on: _DependsOn


class _Declarations(TypedDict, total=False):
    nodes: dict[str, _Node]
    sources: dict[str, _Node]
    exposures: dict[str, _Node]
    unit_tests: dict[str, _UnitTest]


_DECODE = msgspec.json.Decoder(_Declarations).decode


def _load(path: Path, needed: str) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise Misuse(f"expected dbt's {path}, found no such file. {_BUILD}") from None
    except ValueError as error:
        raise Misuse(f"expected JSON in {path}, found: {error}. {_BUILD}") from None
    if not isinstance(value, dict) or needed not in value:
        raise Misuse(f"expected a field {needed!r} in {path}, found none. {_BUILD}")
    return value


# Tests of uniqueness, and the argument that has the columns.
_UNIQUE = {
    "unique": "column_name",
    "unique_combination": "columns",
    "unique_combination_of_columns": "combination_of_columns",  # of dbt_utils
}


def primary_key(
    artifacts: Artifacts, unique_id: str, meta: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the key columns that are written, if they identify a row of a file.

    Args:
        artifacts: of dbt.
        unique_id: the model that becomes the file.
        meta: the declaration. The split value is the same on every row of a file.

    Returns:
        The columns; () if two rows may share them, or if one may be missing.
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
    """Yield the generic tests of all rows of a model that fail on a single row."""
    for node in artifacts.manifest["nodes"].values():
        config, test = node.get("config", {}), node.get("test_metadata")
        if test and node.get("attached_node") == unique_id:
            strict = str(config.get("severity", "error")).lower() == "error"
            any_fails = config.get("error_if", "!= 0") == "!= 0"
            if strict and any_fails and not config.get("where"):
                yield test["name"], test.get("kwargs", {})
