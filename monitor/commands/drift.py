"""`monitor drift`: profile what was sent, and say what does not look like before."""

from dataclasses import asdict

import click

from monitor.context import gather
from monitor.drift import newest
from monitor.drift.compare import Drift
from monitor.drift.store import refreshed
from runtime.command import log_options, report, start_logging


@click.command("drift")
@click.option(
    "--all", "every", is_flag=True, help="Every figure, not only those that are off."
)
@log_options
def command(every: bool, as_json: bool, log_format: str, quiet: bool) -> None:
    """Compare each newest file with the ones before, and say what is unusual.

    Profiles of files that have none yet are made first and kept in profiles/. Drift
    never holds a file: exit 0, whatever is found.
    """
    start_logging(log_format, quiet)
    evidence = gather(None)
    made = refreshed(evidence)
    told = newest.newest(evidence)
    result = {
        "status": "done",
        "profiled": made,
        "files": {
            file: {
                "run_id": run_id,
                "figures": [{**asdict(d), "told": d.told} for d in drifts],
            }
            for file, (run_id, drifts) in told.items()
        },
    }
    report(result, _words(told, every), as_json)


def _words(told: dict[str, tuple[str, list[Drift]]], every: bool) -> str:
    lines = []
    for file, (run_id, drifts) in told.items():
        off = [drift for drift in drifts if drift.told]
        if not drifts:
            lines.append(f"{file}: {run_id}, too few runs before it to compare with")
            continue
        lines.append(
            f"{file}: {run_id}, {len(off)} of {len(drifts)} figures are unusual"
        )
        for drift in drifts if every else off:
            lines.append(f"  {'!' if drift.told else ' '} {drift.id} {drift.says}")
    return "\n".join(lines) or "Nothing was packed yet."
