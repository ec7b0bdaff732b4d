"""Where a file came from: code, lock, contract, variables, inputs, earlier package."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import yaml

from publish.package.manifest import contract
from runtime import formats
from runtime.environment import Environment
from runtime.files import sha256_of
from store import partner_state
from store.builds import Build
from store.feeds import Feed
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger, Record
from store.partner_state import State
from store.sources import Source

_OF_AN_EXTRACT = ("run_id", "started_at", "finished_at", "seconds")
# The guard of the next file compares with these.
_CUSTOM_FIELDS = ("unmatched", "captions")


def of_run(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    variables: Environment,
    build: Build | None,
    feed: Feed,
    landed: list[Source],
) -> dict[str, Any]:
    """Return the part of the manifests' `run` that all files of a feed share.

    Args:
        connection: from `runtime.duck`.
        root: the project root.
        variables: FEEDS_COMMIT names the code where there is no git.
        build: the build of the file's tables; None if they have none.
        feed: the declaration.
        landed: the sources of the feed.
    """
    lock = root / "requirements.lock"
    return {
        "format": formats.VERSIONS["package"],
        "code_commit": variables.optional("FEEDS_COMMIT") or commit(root),
        "lock_sha256": sha256_of(lock) if lock.is_file() else None,
        "contract_sha256": digest_of(contract(feed)),
        "thresholds": thresholds(root, build),
        "guards": dict(feed.guards),
        "dbt": {
            "invocation_id": build and build.id,
            "version": build and build.dbt_version,
            "started_at": build and _exact(build.built_at),
            "built_at": build and _exact(build.ended_at),
        },
        "extracts": [
            {"source": source.name}
            | {name: source.landed.get(name) for name in _OF_AN_EXTRACT}
            for source in landed
        ],
        "inputs": [
            {
                "source": source.name,
                "run_id": source.landed.get("run_id"),
                "entity": name,
                "rows": entity.get("rows"),
                "sha256": entity.get("sha256"),
            }
            | {field: entity[field] for field in _CUSTOM_FIELDS if field in entity}
            for source in landed
            for name, entity in sorted(source.landed.get("entities", {}).items())
        ],
        "counts": _counts(connection, feed),
    }


def _exact(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" if moment else None


def built_from(root: Path, artifacts: Artifacts, feed: Feed) -> dict[str, str]:
    """Digest every model and seed below the file by dbt's own, and the macros.

    Of a seed above 1 MiB dbt digests the path alone (MAXIMUM_SEED_SIZE of dbt-core's
    constants), which does not change with its rows. So its file is hashed here.
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
    described = subprocess.run(  # noqa: S603 (our own words, no shell)
        [git, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or None


def thresholds(root: Path, build: Build | None) -> Mapping[str, Any]:
    """Return dbt's variables: those of dbt_project.yml under those of --vars."""
    file = root / "dbt_project.yml"
    project = yaml.safe_load(file.read_bytes()) if file.is_file() else {}
    declared: dict[str, Any] = dict(project.get("vars") or {})
    declared |= declared.pop(str(project.get("name")), None) or {}
    return declared | dict(build.vars if build else {})


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


def compared_states(
    ledger: Ledger, feed: Feed, models: Iterable[str], build: Build | None
) -> dict[str, Any]:
    """Return the states and records that the file was made by, for `run`.

    Args:
        ledger: of this moment.
        feed: the declaration.
        models: those whose delivered state dbt read.
        build: that of the file's tables; None if they are not of one build.

    Returns:
        `states.built`: what dbt read. `states.held`: what the guards compare with,
        newer if there was a delivery in between. `ledger.settled`: how many records
        ended a file of this feed or of the same state.
    """
    settled = ledger.all("delivered", "nothing", "adopted")
    return {
        "states": {
            "built": _listed(build.states_of(*models) if build else ()),
            "held": _listed(partner_state.current(ledger, feed.state.model)),
        },
        "ledger": {
            "settled": sum(1 for record in settled if concerns_feed(record, feed))
        },
    }


def concerns_feed(record: Record, feed: Feed) -> bool:
    """Return whether a record is of a feed, or of the state that the feed sets."""
    state = record.get("state") or {}
    return record["feed"] == feed.name or state.get("model") == feed.state.model


def _listed(states: Iterable[State]) -> list[dict[str, str]]:
    return [asdict(state) for state in states]
