"""`monitor health`: one look that says whether the feeds are well."""

import subprocess
import sys
from datetime import datetime

import click

from monitor.alerts.state import check as alerts
from monitor.context import Context, gather
from monitor.drift.newest import check as drift
from monitor.drift.source import check as landed
from monitor.health.report import Report, ask
from runtime.clock import Time
from runtime.command import LOG, log_options, report, start_logging


@click.command("health")
@click.option(
    "--fresh", is_flag=True,
    help="First let `publish check` try every server that has settings.",
)  # fmt: skip
@click.option("--at", type=Time(), help="As of then, UTC.  [default: now]")
@log_options
def command(
    fresh: bool, at: datetime | None, as_json: bool, log_format: str, quiet: bool
) -> None:
    """Say whether the feeds are well: exit 0 well, 1 somebody must act, 75 unclear.

    Every finding says what is wrong and what to do; docs/health.md lists them all.
    Nothing is changed.
    """
    start_logging(log_format, quiet)
    evidence = gather(at)
    if fresh:
        check(evidence)
    seen = check_all(evidence)
    report(seen.told(), seen.words(), as_json)
    sys.exit(seen.exit_code)


def check_all(evidence: Context) -> Report:
    """Look at everything."""
    more = (
        ("source", "profiles of sources", landed),
        ("drift", "profiles", drift),
        ("alerts", "state of alerts", alerts),
    )
    return ask(evidence, more)


def check(evidence: Context) -> None:
    """Let `publish check` try each configured server; it keeps what it sees itself."""
    for name in sorted({feed.destination for feed in evidence.feeds}):
        if evidence.variables.optional(f"DEST_{name.upper()}_URL"):
            # The same interpreter; nothing of `publish` is imported here.
            words = [sys.executable, "-m", "publish", "check", name, "--quiet"]
            ran = subprocess.run(words, capture_output=True, check=False)  # noqa: S603
            LOG.info(f"publish check {name} ended with {ran.returncode}")
