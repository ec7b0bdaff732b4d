"""`monitor drift`: profile new files, and report unusual figures."""

import click

from monitor.context import read_context
from monitor.drift import newest
from monitor.drift.compare import Drift
from monitor.drift.store import profile_new
from runtime.command import log_options, report
from runtime.log import start_logging


@click.command("drift")
@click.option(
    "--all", "every", is_flag=True, help="Show every figure, not only unusual ones."
)
@log_options
def command(every: bool, as_json: bool, log_format: str, quiet: bool) -> None:
    """Compare the newest file of each feed with the deliveries before it.

    First makes the profiles of files that have none, in profiles/. Drift never holds a
    file: the exit code is 0, whatever is unusual.
    """
    start_logging(log_format, quiet)
    context = read_context(None)
    profiled = profile_new(context)
    files = newest.compare_newest(context)
    result = {
        "status": "done",
        "profiled": profiled,
        "files": {
            file: {
                "run_id": run_id,
                "figures": [drift.to_json() for drift in drifts],
            }
            for file, (run_id, drifts) in files.items()
        },
    }
    report(result, _to_text(files, every), as_json)


def _to_text(files: dict[str, tuple[str, list[Drift]]], every: bool) -> str:
    lines = []
    for file, (run_id, drifts) in files.items():
        unusual = [drift for drift in drifts if drift.unusual]
        if not drifts:
            lines.append(f"{file}: {run_id}, too few runs before it to compare with")
            continue
        lines.append(
            f"{file}: {run_id}, {len(unusual)} of {len(drifts)} figures are unusual"
        )
        for drift in drifts if every else unusual:
            sign = "!" if drift.unusual else " "
            lines.append(f"  {sign} {drift.id} {drift.message}")
    return "\n".join(lines) or "There is no package yet."
