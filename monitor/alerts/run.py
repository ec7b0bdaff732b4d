"""Look, compare with what was told, and tell each channel what is new to it."""

from dataclasses import dataclass

from monitor.alerts import channels
from monitor.alerts.channels import NotTakenError
from monitor.alerts.message import document, subject
from monitor.alerts.settings import Settings
from monitor.alerts.state import State, Word
from monitor.health.evidence import CLOCK, Evidence
from monitor.health.report import Report
from runtime.command import LOG


@dataclass(frozen=True, slots=True)
class Told:
    """What became of it: by channel the words it took, or why it took none."""

    words: dict[str, list[Word]]
    failed: dict[str, str]


def tell(report: Report, state: State, settings: Settings, evidence: Evidence) -> Told:
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
    told = Told({}, {})
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
