"""Where a file came from: code, lock, contract, thresholds, inputs, earlier package."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import yaml

from publish.feeds import Feed
from publish.feeds.artifacts import Artifacts
from publish.gate import built_at
from publish.package.descriptor import contract
from publish.sources import Source
from runtime.environment import Environment
from runtime.files import sha256_of


def of_run(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    variables: Environment,
    artifacts: Artifacts,
    feed: Feed,
    landed: list[Source],
) -> dict[str, Any]:
    """Return what every package of this run says under `run`.

    Args:
        connection: from `publish.bench`.
        root: the project root.
        variables: FEEDS_COMMIT names the code where there is no git.
        artifacts: dbt's.
        feed: the declaration.
        landed: the sources below it.
    """
    metadata = artifacts.results["metadata"]
    lock = root / "requirements.lock"
    return {
        "code_commit": variables.optional("FEEDS_COMMIT") or commit(root),
        "lock_sha256": sha256_of(lock) if lock.is_file() else None,
        "contract_sha256": digest_of(contract(feed)),
        "thresholds": thresholds(root, artifacts),
        "guards": dict(feed.guards),
        "dbt": {
            "invocation_id": metadata.get("invocation_id"),
            "version": metadata.get("dbt_version"),
            "started_at": _started(connection),
            "built_at": metadata.get("generated_at"),
        },
        "inputs": [
            {
                "source": source.name,
                "run_id": source.landed.get("run_id"),
                "entity": name,
                "rows": entity.get("rows"),
                "sha256": entity.get("sha256"),
            }
            for source in landed
            for name, entity in sorted(source.landed.get("entities", {}).items())
        ],
        "counts": _counts(connection, feed),
    }


def _started(connection: duckdb.DuckDBPyConnection) -> str | None:
    moment = built_at(connection)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" if moment else None


def built_from(root: Path, artifacts: Artifacts, feed: Feed) -> dict[str, str]:
    """Digest every model and seed below the file by dbt's own, and the macros.

    Of a seed above 1 MiB dbt digests the path alone (MAXIMUM_SEED_SIZE of dbt-core's
    constants), which does not change with its rows: that one is hashed here.
    """
    digests = {
        f"{node['resource_type']}.{node['name']}": _digest(root, node)
        for node in map(artifacts.node, artifacts.ancestors(feed.unique_id))
        if node["resource_type"] in ("model", "seed", "snapshot")
    }
    macros = {
        name: macro.get("macro_sql")
        for name, macro in artifacts.manifest.get("macros", {}).items()
        if name.startswith(f"macro.{feed.unique_id.split('.')[1]}.")
    }
    return {**digests, "macros": digest_of(macros)}


def _digest(root: Path, node: Mapping[str, Any]) -> str:
    checksum = node.get("checksum", {})
    file = root / node.get("original_file_path", "")
    if checksum.get("name") == "path" and file.is_file():
        return sha256_of(file)
    return str(checksum.get("checksum"))


def digest_of(value: Any) -> str:
    """Hash a value by its canonical JSON: same value, same digest."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def commit(root: Path) -> str | None:
    """Return the commit of the code, with -dirty if it was edited; None without git."""
    git = shutil.which("git")
    if not git:
        return None
    told = subprocess.run(  # noqa: S603 (our own words, no shell)
        [git, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or None


def thresholds(root: Path, artifacts: Artifacts) -> Mapping[str, Any]:
    """Return dbt's variables: those of dbt_project.yml under those of --vars."""
    file = root / "dbt_project.yml"
    project = yaml.safe_load(file.read_bytes()) if file.is_file() else {}
    declared: dict[str, Any] = dict(project.get("vars") or {})
    declared |= declared.pop(str(project.get("name")), None) or {}
    return declared | (artifacts.results.get("args", {}).get("vars") or {})


def _counts(connection: duckdb.DuckDBPyConnection, feed: Feed) -> list[dict[str, Any]]:
    if feed.audit is None:
        return []
    columns = {
        row[0] for row in connection.execute(f"describe {feed.audit.sql}").fetchall()
    }
    reason = "reason_code" if "reason_code" in columns else "null"
    rows = connection.execute(
        f"select status, {reason}, count(*) from {feed.audit.sql} "
        "group by all order by all"
    ).fetchall()
    return [{"status": row[0], "reason": row[1], "rows": row[2]} for row in rows]
