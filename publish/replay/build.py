"""Runs dbt and publish again, in the data directory of a replay."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from msgspec import structs

from publish.build import DBT
from publish.prepare import prepare
from publish.selection import NotMade
from publish.settings import Redelivery, Settings
from runtime import duck, spark
from runtime.environment import DataDirectory, Environment, Limits
from runtime.exits import Refused
from store import build_records, feeds
from store.feeds import artifacts
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger
from store.package import Package

_GRACE_SECONDS = 15
# A replay needs neither secrets nor the settings of another data directory.
_NOT_PASSED = ("FEEDS_", "DBT_", "DEST_", "ORDERTIME_", "ORDER_TOOL_")


def dbt(there: DataDirectory, root: Path, run: Package, limits: Limits) -> str:
    """Build what is below the file, with the variables of the run.

    Returns:
        The last words of dbt; none if all went well. A test that fails is no error
        here: the gates judge the results.

    Raises:
        Refused: dbt did not start its build.
    """
    exposure = feeds.exposure_of(run.run["feed"])
    words = ["build", "--select", f"+exposure:{exposure}"]
    words += ["--vars", json.dumps(run.run["thresholds"])]
    code, output, target = run_dbt(there, root, words, limits)
    if code not in (0, 1) or not (target / "run_results.json").is_file():
        raise Refused(
            f"{run.file}/{run.run_id} is not made again: dbt with the code in {root} "
            f"ended with {code}. {use_its_code(run)} Its output: {output}"
        )
    return output


def run_dbt(
    there: DataDirectory, root: Path, words: Sequence[str], limits: Limits
) -> tuple[int, str, Path]:
    """Run dbt in a data directory of its own, without secrets.

    Args:
        there: the data directory; dbt writes artifacts and logs beside it.
        root: the project.
        words: the command and its options.
        limits: for DuckDB.

    Returns:
        The exit code of dbt, its last words (none if all went well), and the folder of
        its artifacts.

    Raises:
        Misuse: it is to run on Spark, which this environment cannot.
    """
    if there.engine == "spark":
        spark.require()
    target = _target(there)
    command = [
        *(sys.executable, "-c", DBT, "--no-use-colors", "--quiet", *words),
        *("--project-dir", str(root), "--profiles-dir", str(root)),
        *(("--target", "spark") if there.engine == "spark" else ()),
    ]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_PASSED)}
    variables = {
        "FEEDS_ENVIRONMENT": there.environment,
        "FEEDS_DATA": str(there.data),
        "FEEDS_ENGINE": there.engine or "duckdb",
        "FEEDS_MEMORY_LIMIT": limits.memory,
        "FEEDS_THREADS": str(limits.threads),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(there.data.parent / "logs"),
    }
    code, output = _child(command, {**inherited, **variables}, root)
    return code, output, target


def use_its_code(run: Package) -> str:
    """Return what to do where the code of a replay does not make the file."""
    commit = run.run["code_commit"] or "unknown"
    return f"Use the code that made it, of commit {commit}."


def _child(words: list[str], env: Mapping[str, str], root: Path) -> tuple[int, str]:
    with subprocess.Popen(  # noqa: S603 (our own words, no shell)
        words, cwd=root, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as child:  # fmt: skip
        try:
            output, _ = child.communicate()
        except BaseException:
            child.terminate()
            try:
                child.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
            raise
    return child.returncode, " ".join(output.split())[-600:]


def copy_times(there: DataDirectory, run: Package) -> None:
    """Give the build the times and the invocation id that dbt had in the run.

    Raises:
        Refused: dbt did not finish, so that its results are not of these tables.
    """
    recorded = run.run["dbt"]
    if not recorded["invocation_id"]:
        raise Refused(
            f"{run.file}/{run.run_id} was made of tables without a verdict of dbt, "
            "so it cannot be made again."
        )
    times = [(recorded[name] or "").rstrip("Z") or None
             for name in ("started_at", "built_at")]  # fmt: skip
    if there.engine == "spark":
        _copy_to_record(there, recorded["invocation_id"], times)
        return
    with duckdb.connect(str(there.warehouse)) as warehouse:
        ended = warehouse.execute("select ended_at from main.builds").fetchall()
        if not any(moment for (moment,) in ended):
            raise Refused(f"dbt did not finish its build of {there.warehouse}.")
        warehouse.execute(
            "update main.builds set invocation_id = ?, built_at = ?, ended_at = ?",
            [recorded["invocation_id"], *times],
        )
        marked = warehouse.execute(
            "select 'table', schema_name, table_name from duckdb_tables() "
            "where comment is not null union all "
            "select 'view', schema_name, view_name from duckdb_views() "
            "where comment is not null and not internal"
        ).fetchall()
        for kind, schema, name in marked:
            warehouse.execute(
                f"comment on {kind} {duck.name(schema)}.{duck.name(name)} "
                f"is {duck.text(recorded['invocation_id'])}"
            )


def _copy_to_record(
    there: DataDirectory, invocation_id: str, times: list[str | None]
) -> None:
    record = build_records.newest(there)
    if record is None:
        raise Refused(f"dbt did not finish its build of {there.spark}.")
    built_at, ended_at = times
    tables = {
        name: {**table, "build": invocation_id} for name, table in record.tables.items()
    }
    content = {
        **record.content,
        "invocation_id": invocation_id,
        "built_at": built_at,
        "ended_at": ended_at,
        "tables": tables,
    }
    build_records.remove(there, record.id)
    build_records.write(there, content)


def _accepted_first(run: Package) -> bool:
    """Return whether FEEDS_ACCEPT_FIRST let a first file out."""
    return any(
        check["id"] == "RUN_FIRST" and check["observed"] and check["verdict"] == "pass"
        for check in run.gates["checks"]
    )


def publish(there: DataDirectory, root: Path, run: Package, limits: Limits) -> Path:
    """Render, judge and pack the file again; return the folder of the package.

    Raises:
        Refused: this code or this build makes no such file.
        Misuse: an exposure of this code is wrong.
    """
    at = datetime.strptime(run.run["logical_time"], "%Y-%m-%dT%H:%M:%SZ")
    variables = {"DBT_TARGET_PATH": str(_target(there))}
    # The manifest is that of the run: its code is named, whichever code makes it.
    if commit := run.run["code_commit"]:
        variables["FEEDS_COMMIT"] = commit
    settings = Settings(
        root=root,
        variables=Environment(variables),
        place=there,
        limits=limits,
        at=at.replace(tzinfo=UTC),
        due=False,
        dry_run=True,
        accept_first=_accepted_first(run),
        bar=False,
        redelivery=Redelivery("replay", "the run is made again"),
    )
    built = artifacts.read(root, settings.variables)
    feed = _feed(built, run)
    if "risks" not in run.resource:  # of a version that wrote another form
        feed = structs.replace(feed, dialect=feed.dialect.earlier)
    if number := run.run.get("sequence"):
        feed = structs.replace(feed, sequence_from=number)
    files = prepare(settings, built, Ledger(there.ledger), feed, run.file)
    for file in files:
        if isinstance(file, NotMade):
            raise Refused(f"{run.file} is not made again: {file.message}")
        if file.package:
            return file.package
    raise Refused(
        f"{run.file} is not made again: expected the file, found "
        f"{', '.join(file.status for file in files) or 'none of that split value'}."
    )


def _feed(built: Artifacts, run: Package) -> feeds.Feed:
    name, project = run.run["feed"], feeds.declared(built)
    if (exposure := feeds.exposure_of(name)) in project.errors:
        raise project.refusal(exposure)
    for feed in project.feeds:
        if feed.name == name:
            return feed
    raise Refused(
        f"expected an exposure {name} in the project, found none. {use_its_code(run)}"
    )


def _target(there: DataDirectory) -> Path:
    return there.data.parent / "target"
