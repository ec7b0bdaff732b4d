"""What each build of dbt recorded in the warehouse: its command and its verdict.

macros/builds.sql writes the id of a build onto every table and view, as a comment, in
the transaction that replaces it. It writes the verdict to the table `builds` at the
end. `dbt compile`, `test`, `show` and an editor change neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runtime.duck import missing_table, rows, text
from store.partner_state import State

if TYPE_CHECKING:
    import duckdb

_TIMES = "cast(built_at as text) as built_at, cast(ended_at as text) as ended_at"
_BUILDS = f"select * replace ({_TIMES}) from warehouse.main.builds"
NEWEST = f"{_BUILDS} order by builds.built_at desc limit 1"


@dataclass(frozen=True, slots=True)
class Build:
    """One dbt command that made tables.

    Attributes:
        id: dbt's invocation id.
        command: such as build or run.
        built_at: when it began, UTC without a zone.
        ended_at: when it recorded its verdict; None if it never did.
        dbt_version: of dbt-core.
        empty: it ran with --empty.
        vars: of --vars.
        results: of each node: unique_id, status, failures, message.
        states: what partners had when it began; none of a build of an earlier version.
        unit_tests_passed: unique_ids of the unit tests that passed for the code of the
            build, in it or before; empty for a build of an earlier version.
    """

    id: str
    command: str
    built_at: datetime
    ended_at: datetime | None
    dbt_version: str | None
    empty: bool
    vars: Mapping[str, Any]
    results: Sequence[Mapping[str, Any]]
    states: Sequence[State] = ()
    unit_tests_passed: frozenset[str] = frozenset()

    def states_of(self, *models: str) -> list[State]:
        """Return the states of some models that it read, the oldest first."""
        return [state for state in self.states if state.model in models]


def find(connection: duckdb.DuckDBPyConnection, id_: str) -> Build | None:
    """Return a build of the warehouse by its id; None if it recorded nothing.

    Args:
        connection: from `runtime.duck`, with the warehouse attached.
        id_: dbt's invocation id.
    """
    try:
        records = rows(connection, f"{_BUILDS} where invocation_id = {text(id_)}")
    except missing_table():
        return None
    if not records:
        return None
    details = json.loads(records[0]["details"] or "{}")
    passed = passed_for(connection, details.get("code_digest"))
    return replace(from_row(records[0]), unit_tests_passed=passed)


def from_row(row: Mapping[str, Any]) -> Build:
    """Return a build from its row, such as that of `NEWEST`, without unit tests."""
    details = json.loads(row["details"] or "{}")
    ended_at = row["ended_at"]
    return Build(
        row["invocation_id"], row["command"],
        datetime.fromisoformat(row["built_at"]),
        datetime.fromisoformat(ended_at) if ended_at else None,
        details.get("dbt_version"), bool(details.get("empty")),
        details.get("vars") or {}, details.get("results") or (),
        [State(**each) for each in json.loads(row.get("states") or "[]")],
    )  # fmt: skip


def passed_for(
    connection: duckdb.DuckDBPyConnection, code_digest: str | None
) -> frozenset[str]:
    """Return the unique_ids of the unit tests that passed for a state of the code.

    DuckDB reads a Python name where it finds no table, so none is named as this table.

    Args:
        connection: from `runtime.duck`, with the warehouse attached.
        code_digest: of `runtime.code_digest`.
    """
    try:
        passed = connection.execute(
            "select unit_test from warehouse.main.unit_tests_passed "
            f"where code_digest = {text(code_digest or '')}"
        ).fetchall()
    except missing_table():
        return frozenset()
    return frozenset(unit_test for (unit_test,) in passed)


def marks(
    connection: duckdb.DuckDBPyConnection,
) -> Mapping[tuple[str, str], str | None]:
    """Return the id of the build of every table and view, by schema and name."""
    rows = connection.execute(
        "select schema_name, table_name, comment from duckdb_tables() "
        "where database_name = 'warehouse' union all "
        "select schema_name, view_name, comment from duckdb_views() "
        "where database_name = 'warehouse'"
    ).fetchall()
    return {(schema, name): id_ for schema, name, id_ in rows}
