"""dbt and publish once more, in the data directory of a replay."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from publish.prepare import NotInWarehouseError, prepare
from publish.replay.compare import NotBuiltError, dbt_said
from publish.selection import NotMade
from publish.settings import Again, Settings
from runtime.environment import Environment, Limits, Place
from runtime.exits import Misuse, Refused
from store import feeds
from store.feeds import artifacts
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger
from store.package import Package

_GRACE_SECONDS = 15
_DBT = "from dbt.cli.main import cli; cli()"  # of this very interpreter
# What configures another house, or is secret, is no business of a replay.
_NOT_PASSED = ("FEEDS_", "DBT_", "DEST_", "ORDERTIME_", "ORDER_TOOL_")


def dbt(there: Place, root: Path, run: Package, limits: Limits) -> None:
    """Build what the file stands on, with the variables of the run.

    A test that fails now as it did then ends dbt with 1 too; the gates tell.

    Raises:
        NotBuiltError: dbt could not begin.
    """
    target = _target(there)
    words = [
        *(sys.executable, "-c", _DBT, "--no-use-colors", "--quiet", "build"),
        *("--select", f"+exposure:{run.run['feed']}"),
        *("--vars", json.dumps(run.run["thresholds"])),
        *("--project-dir", str(root), "--profiles-dir", str(root)),
    ]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_PASSED)}
    variables = {
        "FEEDS_ENVIRONMENT": there.environment,
        "FEEDS_DATA": str(there.data),
        "FEEDS_MEMORY_LIMIT": limits.memory,
        "FEEDS_THREADS": str(limits.threads),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(there.data.parent / "logs"),
    }
    code, said = _child(words, {**kept, **variables}, root)
    if code not in (0, 1) or not (target / "run_results.json").is_file():
        raise NotBuiltError(f"dbt ended with {code}, and said {said!r}")


def _child(words: list[str], env: Mapping[str, str], root: Path) -> tuple[int, str]:
    with subprocess.Popen(  # noqa: S603 (our own words, no shell)
        words, cwd=root, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as child:  # fmt: skip
        try:
            said, _ = child.communicate()
        except BaseException:
            child.terminate()
            try:
                child.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
            raise
    return child.returncode, " ".join(said.split())[-600:]


def set_clock(there: Place, run: Package) -> None:
    """Let dbt's own account say the times and the id of the run.

    That these results are of this warehouse was dbt's own doing a moment ago.

    Raises:
        Refused: dbt did not end, so that its account is not of this warehouse.
    """
    told = run.run["dbt"]
    path = _target(there) / "run_results.json"
    results = json.loads(path.read_bytes())
    mine = results["metadata"]["invocation_id"]
    with duckdb.connect(str(there.warehouse)) as warehouse:
        record = "main.build_record"
        wrote = warehouse.execute(f"select invocation_id from {record}").fetchall()
        if wrote != [(mine,)]:
            raise Refused(f"dbt did not end its build of {there.warehouse}.")
        warehouse.execute(
            f"update {record} set invocation_id = ?, built_at = ?::timestamp",
            [told["invocation_id"], (told["started_at"] or "").rstrip("Z") or None],
        )
    results["metadata"] |= {
        "invocation_id": told["invocation_id"],
        "generated_at": told["built_at"],
    }
    for result in results["results"]:
        result["timing"] = [{"started_at": _build_began(run)}]
    path.write_text(json.dumps(results), encoding="utf-8")


def _build_began(run: Package) -> str | None:
    """Return when dbt began its first node, by the lineage."""
    for event in run.lineage:
        if event["job"]["name"].startswith("dbt.build."):
            return str(event["eventTime"])
    return None


def _accepted_first(run: Package) -> bool:
    """Return whether FEEDS_ACCEPT_FIRST let a first file pass."""
    return any(
        check["id"] == "RUN_FIRST" and check["observed"] and check["verdict"] == "pass"
        for check in run.gates["checks"]
    )


def publish(there: Place, root: Path, run: Package, limits: Limits) -> Path:
    """Render, judge and pack the file as then; return the folder of the package.

    Raises:
        Refused: no such file comes of it any more.
        NotBuiltError: dbt did not build all of it.
    """
    at = datetime.strptime(run.run["logical_time"], "%Y-%m-%dT%H:%M:%SZ")
    told = {"DBT_TARGET_PATH": str(_target(there))}
    # The manifest made again says whose run it repeats; whether the code is the same
    # is told apart.
    if commit := run.run["code_commit"]:
        told["FEEDS_COMMIT"] = commit
    settings = Settings(
        root=root,
        variables=Environment(told),
        place=there,
        limits=limits,
        at=at.replace(tzinfo=UTC),
        due=False,
        dry_run=True,
        accept_first=_accepted_first(run),
        bar=False,
        again=Again("replay", "the run is made again"),
    )
    found = artifacts.read(root, settings.variables)
    feed = _feed(found, run)
    try:
        made = prepare(settings, found, Ledger(there.ledger), feed, run.file)
    except NotInWarehouseError as error:
        absent = f"there is no {', no '.join(error.models)}"
        words = "; ".join((absent, *dbt_said(_target(there))))
        raise NotBuiltError(f"dbt did not build all: {words}") from None
    for one in made:
        if isinstance(one, NotMade):
            raise Refused(f"{run.file} is not made again: {one.says}")
        if one.package:
            return one.package
    raise Refused(
        f"{run.file} is not made again: expected the file, found "
        f"{', '.join(one.status for one in made) or 'none of that split value'}."
    )


def _feed(found: Artifacts, run: Package) -> feeds.Feed:
    try:
        declared = feeds.read(found)
    except Misuse as wrong:
        raise NotBuiltError(f"no file is declared: {wrong}") from None
    for feed in declared:
        if feed.name == run.run["feed"]:
            return feed
    raise Refused(
        f"expected an exposure {run.run['feed']} in the project, found none: use the "
        f"code of that run, {run.run['code_commit']}."
    )


def _target(there: Place) -> Path:
    return there.data.parent / "target"
