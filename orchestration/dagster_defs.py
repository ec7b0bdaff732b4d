"""Dagster assets: the extract, the build, and each file that partners get.

    PARTNER_FEEDS=/srv/partner-feeds dagster dev -f orchestration/dagster_defs.py

The commands run in the project's own environment; Dagster needs none of its packages.
PARTNER_FEEDS names the project's folder; its .env has the settings.
"""

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

HOME = Path(os.environ.get("PARTNER_FEEDS", "/srv/partner-feeds"))
# The exposures of the project.
FILES = ("onpart_inventory", "order_feed_delta_file", "order_feed_full_file")
BUSY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the project; its log goes to that of the step."""
    program = HOME / ".venv/bin" / words[0]
    return subprocess.run(
        [program, *words[1:]], cwd=HOME, stdout=subprocess.PIPE, text=True, check=False
    )


def ended(done: subprocess.CompletedProcess[str]) -> None:
    """Raise unless it ended with 0: a retry after 75, else a failure without one."""
    if done.returncode == 75:
        pause = float(os.environ.get("RETRY_SECONDS", "900"))
        raise dg.RetryRequested(max_retries=3, seconds_to_wait=pause)
    if done.returncode != 0:
        message = (
            f"exit code {done.returncode}: a person must act. {done.stdout[-2000:]}"
        )
        raise dg.Failure(message, allow_retries=False)


@dg.asset
def landed() -> None:
    """Every source, copied."""
    ended(run("extract"))


@dg.asset(deps=[landed])
def built() -> None:
    """The tables below all files, tested."""
    ended(run("publish", "build"))


# Not `can_subset`: `publish` knows what is due. A file that is not due is no new asset.
@dg.multi_asset(
    specs=[dg.AssetSpec(name, deps=[built], skippable=True) for name in FILES]
)
def files() -> Iterator[dg.MaterializeResult]:
    """The files that were delivered, with their figures."""
    done = run("publish", "--due", "--json")
    delivered = defaultdict(list)
    for each in json.loads(done.stdout or "{}").get("files", []):
        if each["status"] == "delivered":
            # A split feed has one file for each term: `order_feed_full_file.4268`.
            delivered[each["file"].partition(".")[0]].append(each)
    for name, several in delivered.items():
        yield dg.MaterializeResult(asset_key=name, metadata=metadata(several))
    ended(done)
    ended(run("monitor", "alert"))


def metadata(delivered: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rows, gates and page of the delivered files of a feed."""
    records = [
        {
            "name": each["name"],
            "rows": each["rows"],
            "gates": each["gates"],
            "page": f"{each['package']}/gates.html",
        }
        for each in delivered
    ]
    return {
        "dagster/row_count": sum(each["rows"] for each in delivered),
        "files": dg.MetadataValue.table([dg.TableRecord(each) for each in records]),
    }


@dg.failure_hook
def alert(_: dg.HookContext) -> None:
    """Send what is new, after a step has failed for good."""
    run("monitor", "alert")


nightly = dg.define_asset_job(
    "nightly", selection=dg.AssetSelection.all(), hooks={alert}
)


@dg.schedule(job=nightly, cron_schedule="0 8 * * *", execution_timezone="UTC")
def at_eight(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Run at 08:00 UTC all year, unless the run before still lasts."""
    busy = dg.RunsFilter(job_name=nightly.name, statuses=BUSY)
    if context.instance.get_runs(busy, limit=1):
        return dg.SkipReason("the run before still lasts")
    return dg.RunRequest()


defs = dg.Definitions(
    assets=[landed, built, files], jobs=[nightly], schedules=[at_eight]
)
