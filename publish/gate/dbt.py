"""Checks dbt's results: the right build, and every node of the file passed.

dbt's exit code is not enough: it is 0 after warnings, after a selection that matches
nothing and after `--empty`. run_results.json shows each of them.
"""

from collections.abc import Mapping
from typing import Any

import duckdb

from publish.gate.checks import EXAMPLES, Check, listed
from store.feeds import Feed
from store.feeds.artifacts import Artifacts, parents

_REBUILD = "Run `extract`, then `dbt build` with no selection."


def run_checks(
    connection: duckdb.DuckDBPyConnection, artifacts: Artifacts, feed: Feed
) -> list[Check]:
    """Run four checks of dbt's artifacts, all of them hard.

    Args:
        connection: from `runtime.duck`; the warehouse holds `build_record`.
        artifacts: manifest and run results.
        feed: the file.
    """
    statuses = {result["unique_id"]: result for result in artifacts.results["results"]}
    needed = nodes_needed(artifacts, feed.unique_id)
    missing = sorted(needed - statuses.keys())
    failed = [
        statuses[node]
        for node in sorted(needed & statuses.keys())
        if statuses[node]["status"] not in ("success", "pass")
    ]
    return [
        _same_build(connection, artifacts.results),
        _full_command(artifacts.results.get("args", {})),
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


def _same_build(
    connection: duckdb.DuckDBPyConnection, results: Mapping[str, Any]
) -> Check:
    invocation = results.get("metadata", {}).get("invocation_id")
    try:
        row = connection.execute(
            "select invocation_id from warehouse.main.build_record "
            "order by built_at desc limit 1"
        ).fetchone()
    except duckdb.CatalogException:
        row = None
    wrote = row[0] if row else None
    same = wrote is not None and wrote == invocation
    return Check(
        "DBT_BUILD", "dbt", same,
        f"the warehouse was last written by dbt invocation {wrote}, which these "
        "results describe"
        if same
        else f"run_results.json describes dbt invocation {invocation}, but the "
        f"warehouse was last written by {wrote or 'an unknown command'}. {_REBUILD}",
        invocation, wrote, 0 if same else 1, hard=True,
    )  # fmt: skip


def _full_command(arguments: Mapping[str, Any]) -> Check:
    command = str(arguments.get("which"))
    empty = bool(arguments.get("empty"))
    good = command == "build" and not empty
    ran = f"dbt {command}{' --empty' if empty else ''}"
    return Check(
        "DBT_COMMAND", "dbt", good,
        f"the command was {ran}"
        if good
        else f"the last dbt command was `{ran}`, which does not build and test "
        f"real rows. {_REBUILD}",
        ran, "dbt build", 0 if good else 1, hard=True,
    )  # fmt: skip


def _failure(result: Mapping[str, Any]) -> str:
    message = " ".join(str(result.get("message") or "").split())
    failures = result.get("failures")
    number = f" ({failures} rows)" if failures else ""
    return f"{result['unique_id']} {result['status']}{number}: {message[:160]}"
