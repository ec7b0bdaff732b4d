"""`monitor health`: check the feeds, and list what a person must do."""

import sys
from datetime import datetime

import click

from monitor.alerts.state import check as alerts
from monitor.context import Context, read_context
from monitor.drift.newest import check as drift
from monitor.drift.source import check as source_drift
from monitor.health.report import Report, run_checks
from runtime.clock import Time
from runtime.command import log_options, report
from runtime.log import LOG, start_logging


@click.command("health")
@click.option(
    "--fresh", is_flag=True,
    help="First run `publish check` for every server that has settings.",
)  # fmt: skip
@click.option("--at", type=Time(), help="Check as of this time, UTC.  [default: now]")
@log_options
def command(
    fresh: bool, at: datetime | None, as_json: bool, log_format: str, quiet: bool
) -> None:
    """Check the feeds: exit 0 well, 1 somebody must act, 75 a check was not possible.

    Every finding has a message and the next step; docs/health.md lists all kinds.
    Nothing is changed.
    """
    start_logging(log_format, quiet)
    context = read_context(at)
    if fresh:
        check_servers(context)
    health = check_all(context)
    report(health.to_json(), health.to_text(), as_json)
    sys.exit(health.exit_code)


def check_all(context: Context) -> Report:
    """Run the checks of health, drift and alerts."""
    more = (
        ("source", "profiles of sources", source_drift),
        ("drift", "profiles", drift),
        ("alerts", "state of alerts", alerts),
    )
    return run_checks(context, more)


def check_servers(context: Context) -> None:
    """Run `publish check` for each configured server; it keeps its results."""
    import subprocess

    for name in sorted({feed.destination for feed in context.feeds}):
        if context.variables.optional(f"DEST_{name.upper()}_URL"):
            # The same interpreter; nothing of `publish` is imported here.
            words = [sys.executable, "-m", "publish", "check", name, "--quiet"]
            ran = subprocess.run(words, capture_output=True, check=False)  # noqa: S603
            LOG.info("publish check", destination=name, exit_code=ran.returncode)
