"""`monitor drift`: profile what was sent, and say what does not look like before."""

from dataclasses import asdict

import click

from monitor.drift import kept, landed, look
from monitor.drift.compare import Drift
from monitor.health.command import gathered
from monitor.health.evidence import Evidence
from runtime.command import log_options, report, start_logging
from runtime.lock import one_writer


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
    evidence = gathered(None)
    made = refreshed(evidence)
    told = look.newest(evidence)
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


def refreshed(evidence: Evidence) -> list[str]:
    """Profile what has no profile; one process at a time."""
    with one_writer(kept.folder(evidence.place), "monitor drift", 60):
        made = kept.refresh(evidence.place, evidence.history, evidence.limits)
        return [*made, *landed.refresh(evidence)]


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
