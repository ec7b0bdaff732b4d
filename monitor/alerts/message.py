"""The message of an alert, as JSON and as text. No secrets, at most three examples."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from monitor.alerts.state import CLEAR, REMINDER, Event
from monitor.findings import EXAMPLES

_EXAMPLE = 300  # letters
_SENTENCE = 1200  # letters
_TITLES = {"start": "NEW", "reminder": "STILL OPEN", "all-clear": "OVER"}


def document(
    events: Sequence[Event], environment: str, at: str, secrets: Sequence[str]
) -> dict[str, Any]:
    """Return the message for the webhook, the file and the mail's attachment.

    Args:
        events: what to report.
        environment: dev, uat or prod.
        at: the time of the check, UTC.
        secrets: values to replace by `***`, wherever they occur.

    Returns:
        `text` for people, as chat systems show it, and `events` for machines. The `key`
        of an event is the same at the start, the reminders and the end of a problem.
    """
    message = {
        "version": 1,
        "environment": environment,
        "at": at,
        "text": text(events, environment),
        "events": [_event(event) for event in events],
    }
    return dict(_without(message, [each for each in secrets if len(each) > 3]))


def subject(events: Sequence[Event], environment: str) -> str:
    """Return the subject of a mail: one problem, open if any is, and how many more."""
    first = next((event for event in events if event.kind != CLEAR), events[0])
    more = f" and {len(events) - 1} more" if len(events) > 1 else ""
    line = f"[feeds {environment}] {_TITLES[first.kind]}: {first.key}{more}"
    # A key may have any letters of a file name; a mail header is one line.
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def text(events: Sequence[Event], environment: str) -> str:
    """Return the message for people."""
    lines = []
    for event in events:
        problem = event.problem
        lines.append(f"{_TITLES[event.kind]} ({environment}): {event.key}")
        if event.kind == CLEAR:
            lines.append(f"  open from {problem['first']} to {problem['ended']}")
            continue
        lines.append(f"  {_cut(problem['says'], _SENTENCE)}")
        lines += [
            f"  such as {_cut(each, _EXAMPLE)}"
            for each in problem["examples"][:EXAMPLES]
        ]
        lines.append(f"  What to do: {problem['do']}")
        if event.kind == REMINDER:
            lines.append(f"  Open since {problem['first']}.")
        lines.append(f'  No reminders: monitor ack {event.key} --because "..."')
    return "\n".join(lines)


def _event(event: Event) -> dict[str, Any]:
    problem = event.problem
    names = ("id", "severity", "about", "do", "first", "last", "ended")
    examples = () if event.kind == CLEAR else problem["examples"][:EXAMPLES]
    return {
        "event": event.kind,
        "key": event.key,
        **{name: problem.get(name) for name in names},
        "says": _cut(problem["says"], _SENTENCE),
        "examples": [_cut(each, _EXAMPLE) for each in examples],
    }


def _cut(value: str, most: int) -> str:
    return value if len(value) <= most else value[: most - 3] + "..."


def _without(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
        return value
    if isinstance(value, Mapping):
        return {name: _without(each, secrets) for name, each in value.items()}
    if isinstance(value, list):
        return [_without(each, secrets) for each in value]
    return value


def line(document: Mapping[str, Any]) -> bytes:
    """Return a document as one line of JSON."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True).encode() + b"\n"
