"""`monitor alert`: send each new problem once, and its end."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click

from monitor.alerts import channels
from monitor.alerts.chats import ChannelError
from monitor.alerts.message import document, subject
from monitor.alerts.settings import Settings
from monitor.alerts.state import STATE, Event, State
from monitor.commands.health import check_all
from monitor.context import CLOCK, Context, read_context
from monitor.drift.store import profile_new
from monitor.health.report import Report
from runtime.clock import Time
from runtime.command import log_options, report
from runtime.exits import WHAT_TO_FREE, Misuse, Stop
from runtime.files import remove_leftovers
from runtime.lock import directory_lock
from runtime.log import LOG, start_logging


@dataclass(slots=True)
class AlertRun:
    """The events that each channel accepted, and why the other channels failed.

    Attributes:
        events: by channel.
        failed: the reason, by channel.
        is_recorded: whether the state has all this.
    """

    events: dict[str, list[Event]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    is_recorded: bool = True


def send_alerts(
    health: Report, state: State, settings: Settings, context: Context
) -> AlertRun:
    """Send every channel its events; write the state after each channel.

    A state that cannot be written stops no channel: a full disk is a problem to report.

    Args:
        health: the report of `monitor health`.
        state: of the last run; the caller holds its lock.
        settings: of the channels.
        context: for the environment, and for the secrets that no message may have.
    """
    at, environment = context.at, context.place.environment
    findings = [
        each for each in health.findings if each.kind.severity in settings.severities
    ]
    state.update(findings, health.unchecked, at)
    run = AlertRun()
    _write(state, run)
    configured = channels.configured(settings)
    for name, send in configured.items():
        events = state.events(name, at, settings.remind)
        try:
            if events:
                message = document(
                    events, environment, f"{at:{CLOCK}}", context.variables.secrets()
                )
                send(message, subject(events, environment))
                run.events[name] = events
            state.accepted(name, events, at)
        except ChannelError as error:
            LOG.warning(
                "alert failed",
                channel=name,
                because=f"{error}; the next run tries again",
            )
            state.failed(name, str(error), at)
            run.failed[name] = str(error)
        _write(state, run)
    state.clean_up(configured)
    _write(state, run)
    return run


def _write(state: State, run: AlertRun) -> None:
    try:
        state.write()
        run.is_recorded = True
    except OSError as error:
        run.is_recorded = False
        LOG.warning(
            "not written",
            path=state.path,
            because=f"{error}. The next run sends the same alerts again. "
            f"{WHAT_TO_FREE}",
        )


@click.command("alert")
@click.option("--at", type=Time(), help="Check as of this time, UTC.  [default: now]")
@log_options
def command(at: datetime | None, as_json: bool, log_format: str, quiet: bool) -> None:
    """Check the feeds, and send what is new: a start, a reminder, an all-clear.

    First makes the profiles of new files, as `monitor drift` does. Exit 0 if every
    channel accepted its events, 75 if one failed or the state could not be written:
    the next run tries it again. The exit code does not say whether the feeds are well:
    see `monitor health`.
    """
    start_logging(log_format, quiet)
    context = read_context(at)
    settings = Settings.from_environment(context.variables)
    if not channels.configured(settings):
        raise Misuse(
            "no channel is set: expected FEEDS_ALERT_WEBHOOK_URL, "
            "FEEDS_ALERT_SMTP_URL, FEEDS_ALERT_APPRISE_URLS or FEEDS_ALERT_FILE "
            "(docs/alerts.md)."
        )
    try:
        profile_new(context)
    except (Stop, OSError, ValueError) as error:
        LOG.warning("no new profiles", because=error)  # a finding of health reports it
    path = context.place.data / STATE
    with _lock_if_there_is_room(path.parent):
        remove_leftovers(path.parent)
        health = check_all(context)
        state = State.read(path)
        run = send_alerts(health, state, settings, context)
    code = 75 if run.failed or not run.is_recorded else 0
    result = {
        "status": "temporary" if code else "done",
        "exit_code": code,
        "health": health.exit_code,
        "open": state.open_keys,
        "told": {
            name: [{"event": event.kind, "key": event.key} for event in events]
            for name, events in run.events.items()
        },
        "failed": run.failed,
    }
    report(result, _to_text(state, run), as_json)
    sys.exit(code)


@contextmanager
def _lock_if_there_is_room(folder: Path) -> Iterator[None]:
    """Hold the lock of the state; without room for it, alerts are sent all the same."""
    with ExitStack() as stack:
        try:
            stack.enter_context(directory_lock(folder, "monitor alert", 60))
        except OSError as error:
            LOG.warning("not locked", path=folder, because=error)
        yield


def _to_text(state: State, run: AlertRun) -> str:
    count = len(state.open_keys)
    lines = ["1 problem is open" if count == 1 else f"{count} problems are open"]
    for name, events in run.events.items():
        lines.append(
            f"  sent to {name}: {', '.join(f'{e.kind} {e.key}' for e in events)}"
        )
    lines += [f"  {name} FAILED: {why}" for name, why in run.failed.items()]
    return "\n".join(lines)
