"""`monitor alert`: tell each open problem once, and its end."""

import sys
from dataclasses import dataclass
from datetime import datetime

import click

from monitor.alerts import channels
from monitor.alerts.channels import NotTakenError
from monitor.alerts.message import document, subject
from monitor.alerts.settings import Settings
from monitor.alerts.state import STATE, State, Word
from monitor.commands.health import check_all
from monitor.context import CLOCK, Context, gather
from monitor.drift.store import refreshed
from monitor.health.report import Report
from runtime.clock import Time
from runtime.command import LOG, log_options, report, start_logging
from runtime.exits import Misuse, Stop
from runtime.lock import one_writer


@dataclass(frozen=True, slots=True)
class AlertRun:
    """What became of it: by channel the words it took, or why it took none."""

    words: dict[str, list[Word]]
    failed: dict[str, str]


def tell(
    report: Report, state: State, settings: Settings, evidence: Context
) -> AlertRun:
    """Tell every channel what it has to know; keep the state after each.

    Args:
        report: of `monitor health`.
        state: of the last run; its lock is held.
        settings: of the channels.
        evidence: for the environment, and for the secrets that no message may hold.
    """
    at = evidence.at
    state.see(
        [f for f in report.findings if f.kind.severity in settings.severities],
        report.blind,
        at,
    )
    state.keep()
    told = AlertRun({}, {})
    ways = channels.of(settings)
    for name, send in ways.items():
        words = state.words(name, at, settings.remind)
        if not words:
            state.nothing(name)
            continue
        said = document(
            words, evidence.place.environment, f"{at:{CLOCK}}",
            evidence.variables.secrets(),
        )  # fmt: skip
        try:
            send(said, subject(words, evidence.place.environment))
        except NotTakenError as why:
            LOG.warning(f"alert channel={name} failed: {why}; the next run tries again")
            state.failed(name, str(why), at)
            told.failed[name] = str(why)
        else:
            state.said(name, words, at)
            told.words[name] = words
        state.keep()
    state.tidy(ways)
    state.keep()
    return told


@click.command("alert")
@click.option("--at", type=Time(), help="As of then, UTC.  [default: now]")
@log_options
def command(at: datetime | None, as_json: bool, log_format: str, quiet: bool) -> None:
    """Look at the feeds, and tell what is new: a start, a reminder, an all-clear.

    Profiles files that have none first, as `monitor drift` does. Exit 0 if every
    channel knows what it has to, 75 if one failed: the next run tries it again.
    Whether the feeds are well is the exit code of `monitor health`.
    """
    start_logging(log_format, quiet)
    evidence = gather(at)
    settings = Settings.of(evidence.variables)
    if not channels.of(settings):
        raise Misuse(
            "no channel is set: expected FEEDS_ALERT_WEBHOOK_URL, FEEDS_ALERT_SMTP_URL "
            "or FEEDS_ALERT_FILE (docs/alerts.md)."
        )
    try:
        refreshed(evidence)
    except (Stop, OSError, ValueError) as why:
        LOG.warning(f"no new profiles: {why}")  # health says what cannot be seen
    path = evidence.place.data / STATE
    with one_writer(path.parent, "monitor alert", 60):
        seen = check_all(evidence)
        state = State.read(path)
        told = tell(seen, state, settings, evidence)
    result = {
        "status": "temporary" if told.failed else "done",
        "exit_code": 75 if told.failed else 0,
        "health": seen.exit_code,
        "open": sorted(key for key, p in state.problems.items() if not p.get("ended")),
        "told": {
            name: [{"event": word.kind, "key": word.key} for word in words]
            for name, words in told.words.items()
        },
        "failed": told.failed,
    }
    report(result, _words(state, told), as_json)
    sys.exit(75 if told.failed else 0)


def _words(state: State, told: AlertRun) -> str:
    open_ = [key for key, each in state.problems.items() if not each.get("ended")]
    how_many = "1 problem is" if len(open_) == 1 else f"{len(open_)} problems are"
    lines = [f"{how_many} open"]
    for name, words in told.words.items():
        said = ", ".join(f"{word.kind} {word.key}" for word in words)
        lines.append(f"  {name} was told: {said}")
    lines += [f"  {name} FAILED: {why}" for name, why in told.failed.items()]
    return "\n".join(lines)
