"""`publish prune`: the command line."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from publish.prune import inventory, plan, remove
from publish.prune.plan import Keep, Plan
from runtime import failpoints
from runtime.command import log_options, raise_if_interrupted, report
from runtime.environment import DataDirectory, Environment, operator
from runtime.files import remove_leftovers
from runtime.lock import directory_lock
from runtime.log import LOG, start_logging
from store.ledger import Ledger
from store.outbox import packages

_KINDS = {
    "package": "packages",
    "landing": "landed runs",
    "state": "delivered states",
    "build": "builds of Spark",
}


@click.command("prune")
@click.option(
    "--dry-run", is_flag=True, help="Show what would be removed; remove nothing."
)
@log_options
def command(dry_run: bool, as_json: bool, log_format: str, quiet: bool) -> None:
    """Remove old landed runs, delivered states, and tables of packages and Spark.

    Old is what is older than FEEDS_KEEP_DAYS (730) and not among the newest
    FEEDS_KEEP_RUNS (30) of its file or source.

    Never removed: what a partner holds, what is held, released or in doubt, the newest
    package of each file, what dbt reads, and what a whole package was made of. The
    proof of a package stays, so that its chain can be verified. Without its tables a
    run cannot be replayed. The ledger records each removal and its reason.

    The tables of a Spark build go a day after they were written, unless the newest
    build has a table of it.
    """
    start_logging(log_format, quiet)
    variables = Environment.read()
    failpoints.arm(variables)
    place, keep = DataDirectory.read(variables), Keep.read(variables)
    by = operator(variables)
    with _locked(place, variables, dry_run):
        ledger = Ledger(place.ledger)
        whole = packages(place.outbox, ledger, pruned=False)
        finished = 0 if dry_run else remove.finish(place, ledger, whole)
        items = inventory.all_of(place, ledger, whole)
        needed = inventory.needed(place, ledger, items)
        decided = plan.decide(items, needed, keep, datetime.now(UTC))
        for item, because in () if dry_run else _in_order(decided):
            raise_if_interrupted()
            remove.remove(place, ledger, item, because, by)
            LOG.info("pruned", kind=item.kind, name=item.name, bytes=item.bytes)
    result = _to_json(decided, keep, dry_run, finished)
    report(result, _to_text(result), as_json)


@contextmanager
def _locked(
    place: DataDirectory, variables: Environment, dry_run: bool
) -> Iterator[None]:
    if dry_run:
        yield
        return
    wait = variables.number("FEEDS_LOCK_WAIT", 0)
    with directory_lock(place.data, "prune", wait, use_reserve=True):
        remove_leftovers(place.data)
        yield


def _in_order(decided: Plan) -> list[tuple[inventory.Removable, str]]:
    """Return packages first: so a whole package never lacks what it was made of."""
    return sorted(decided.remove, key=lambda pair: pair[0].kind != "package")


def _to_json(decided: Plan, keep: Keep, dry_run: bool, finished: int) -> dict[str, Any]:
    sizes_of_kept: dict[tuple[str, str], list[int]] = defaultdict(list)
    for item, why in decided.stay:
        sizes_of_kept[item.kind, why].append(item.bytes)
    return {
        "status": "done",
        "exit_code": 0,
        "dry_run": dry_run,
        "keep": {"days": keep.days, "runs": keep.runs},
        "rule": keep.rule,
        "finished": finished,
        "removed": [
            {
                "kind": item.kind,
                "name": item.name,
                "bytes": item.bytes,
                "at": f"{item.at:%Y-%m-%dT%H:%M:%SZ}",
                "because": why,
            }
            for item, why in decided.remove
        ],
        "kept": [
            {"kind": kind, "because": why, "count": len(sizes), "bytes": sum(sizes)}
            for (kind, why), sizes in sorted(sizes_of_kept.items())
        ],
        "bytes": {
            "removed": sum(item.bytes for item, _ in decided.remove),
            "kept": sum(item.bytes for item, _ in decided.stay),
        },
    }


def _to_text(result: dict[str, Any]) -> str:
    verb = "would be removed" if result["dry_run"] else "removed"
    sizes = result["bytes"]
    lines = [
        f"{len(result['removed'])} {verb}, {sizes['removed']:,} bytes; "
        f"{sizes['kept']:,} bytes stay. Kept are {result['rule']}."
    ]
    if result["finished"]:
        lines.append(f"  finished what an earlier run began: {result['finished']}")
    lines += [
        f"  {verb}: {each['kind']} {each['name']}, {each['bytes']:,} bytes"
        for each in result["removed"]
    ]
    lines += [
        f"  kept: {each['count']} {_KINDS[each['kind']]}, {each['bytes']:,} bytes: "
        f"{each['because']}"
        for each in result["kept"]
    ]
    return "\n".join(lines)
