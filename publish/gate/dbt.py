"""Checks dbt's verdict on the build that made the tables of a file.

Each table names its build, and each build keeps its verdict (`store.builds`). So the
tables of a build that was killed have no verdict, and a later build of other tables
changes nothing. dbt's exit code is not enough: it is 0 after warnings, after a
selection that matches nothing and after `--empty`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from publish.gate.checks import EXAMPLES, Check, listed
from store import builds
from store.builds import Build
from store.feeds import Feed
from store.feeds.artifacts import Artifacts, parents

_REBUILD = "Run `extract`, then `dbt build` with no selection."


@dataclass(frozen=True, slots=True)
class FileBuild:
    """The build that made all tables of a file.

    Attributes:
        build: None if they are not of one build with a verdict.
        message: one sentence for a person: which build, or what is wrong.
        tables: those that are wrong.
    """

    build: Build | None
    message: str
    tables: tuple[str, ...] = ()

    @property
    def began_at(self) -> datetime | None:
        """When dbt began the build, UTC without a zone; None if unknown."""
        return self.build.built_at if self.build else None


def file_build(
    connection: duckdb.DuckDBPyConnection, artifacts: Artifacts, feed: Feed
) -> FileBuild:
    """Find the build that made every table of a file.

    Args:
        connection: from `runtime.duck`, with the warehouse attached.
        artifacts: dbt's manifest.
        feed: the file.
    """
    marks = builds.marks(connection)
    ids = {name: marks.get(place) for name, place in _tables(artifacts, feed).items()}
    if unknown := sorted(name for name, id_ in ids.items() if not id_):
        return FileBuild(
            None, f"no build of dbt has marked {listed(unknown)}. {_REBUILD}",
            tuple(unknown),
        )  # fmt: skip
    (newest, *others) = dict.fromkeys(str(id_) for id_ in ids.values())
    if others:
        shown = listed([f"{name} by {id_}" for name, id_ in sorted(ids.items())])
        return FileBuild(
            None, f"the tables of the file are of several dbt invocations: {shown}. "
            f"{_REBUILD}", tuple(sorted(ids)),
        )  # fmt: skip
    build = builds.find(connection, newest)
    if build is None or build.ended_at is None:
        return FileBuild(
            None, f"dbt invocation {newest} made the tables of the file and did not "
            f"end: it was killed before its verdict. {_REBUILD}", tuple(sorted(ids)),
        )  # fmt: skip
    return FileBuild(
        build, f"dbt invocation {newest} made all {len(ids)} tables of the file"
    )


def _tables(artifacts: Artifacts, feed: Feed) -> dict[str, tuple[str, str]]:
    """Return schema and name of the tables that a file reads, by name of the model.

    A view shows the tables below it, so they belong to it.
    """
    read = {(table.schema, table.name) for table in feed.tables}
    above = [
        id_
        for id_ in artifacts.ancestors(feed.unique_id)
        if _is_built(artifacts.node(id_))
    ]
    waiting = [id_ for id_ in above if _place(artifacts.node(id_)) in read]
    tables: dict[str, tuple[str, str]] = {}
    while waiting:
        node = artifacts.node(waiting.pop())
        tables[node["name"]] = _place(node)
        if node["config"].get("materialized") == "view":
            waiting += [
                id_
                for id_ in parents(node)
                if id_ in above and artifacts.node(id_)["name"] not in tables
            ]
    return tables


def _place(node: Mapping[str, Any]) -> tuple[str, str]:
    return node["schema"], node["alias"]


def run_checks(verdict: FileBuild, artifacts: Artifacts, feed: Feed) -> list[Check]:
    """Run four checks of dbt's verdict, all of them hard.

    A unit test that passed for the same code in an earlier build counts as passed.

    Args:
        verdict: from `file_build`. Without a build the first check is the only one.
        artifacts: dbt's manifest.
        feed: the file.
    """
    build = verdict.build
    same_build = Check(
        "DBT_BUILD", "dbt", build is not None, verdict.message,
        build and build.id, None, len(verdict.tables), verdict.tables[:EXAMPLES],
        hard=True,
    )  # fmt: skip
    if build is None:
        return [same_build]
    statuses = {result["unique_id"]: result for result in build.results}
    needed = nodes_needed(artifacts, feed.unique_id)
    missing = sorted(needed - statuses.keys() - build.unit_tests_passed)
    failed = [
        statuses[node]
        for node in sorted(needed & statuses.keys())
        if statuses[node]["status"] not in ("success", "pass")
    ]
    return [
        same_build,
        _full_command(build),
        Check(
            "DBT_NODES", "dbt", not missing,
            f"dbt built and tested all {len(needed)} nodes below the file"
            if not missing
            else f"{len(missing)} of the {len(needed)} nodes below the file were not "
            f"built or tested: {listed(missing)}. {_REBUILD}",
            len(needed) - len(missing), len(needed), len(missing),
            tuple(missing[:EXAMPLES]), hard=True,
        ),
        Check(
            "DBT_STATUS", "dbt", not failed,
            "every one of them passed"
            if not failed
            else f"{len(failed)} did not pass: "
            f"{listed([_failure(result) for result in failed])}. "
            "Correct the data or the model, then run `dbt build` again.",
            len(failed), 0, len(failed),
            tuple(_failure(result) for result in failed[:EXAMPLES]), hard=True,
        ),
    ]  # fmt: skip


def nodes_needed(artifacts: Artifacts, exposure: str) -> frozenset[str]:
    """Return what must have passed: ancestors that dbt builds, and their tests.

    A generic test belongs to the node that it is attached to, a singular test to every
    node that it reads, a unit test to its model.
    """
    above = artifacts.ancestors(exposure)
    needed = set()
    for unique_id, node in artifacts.manifest["nodes"].items():
        if node["resource_type"] == "test":
            attached = node.get("attached_node")
            tested = {attached} if attached else set(parents(node))
            if tested & above:
                needed.add(unique_id)
        elif unique_id in above and _is_built(node):
            needed.add(unique_id)
    for unique_id, test in artifacts.manifest.get("unit_tests", {}).items():
        if set(parents(test)) & above:
            needed.add(unique_id)
    return frozenset(needed)


def _is_built(node: Mapping[str, Any]) -> bool:
    # An ephemeral model is a part of another one: dbt never runs it.
    ephemeral = node.get("config", {}).get("materialized") == "ephemeral"
    return node["resource_type"] in ("model", "seed", "snapshot") and not ephemeral


def _full_command(build: Build) -> Check:
    command, empty = build.command, build.empty
    good = command == "build" and not empty
    ran = f"dbt {command}{' --empty' if empty else ''}"
    return Check(
        "DBT_COMMAND", "dbt", good,
        f"the command was {ran}"
        if good
        else f"the command that made the tables was `{ran}`, which does not build and "
        f"test real rows. {_REBUILD}",
        ran, "dbt build", 0 if good else 1, hard=True,
    )  # fmt: skip


def _failure(result: Mapping[str, Any]) -> str:
    message = " ".join(str(result.get("message") or "").split())
    failures = result.get("failures")
    number = f" ({failures} rows)" if failures else ""
    return f"{result['unique_id']} {result['status']}{number}: {message[:160]}"
