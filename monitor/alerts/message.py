"""What a channel is told: as JSON, and in words. Never a secret, at most three rows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from monitor.alerts.state import CLEAR, REMINDER, Word
from monitor.findings import EXAMPLES

_LENGTH = 300  # letters of an example, or of a sentence times four
_TITLES = {"start": "NEW", "reminder": "STILL OPEN", "all-clear": "OVER"}


def document(
    words: Sequence[Word], environment: str, at: str, secrets: Sequence[str]
) -> dict[str, Any]:
    """Return what a webhook and the file are told.

    Args:
        words: what to tell.
        environment: dev, uat or prod.
        at: when, UTC.
        secrets: values that must not be in it, wherever they came from.

    Returns:
        `text` for people, as chat systems show it; `events` for machines, each with
        the `key` under which a problem begins, is reminded of and ends.
    """
    events = [_event(word) for word in words]
    told = {
        "version": 1,
        "environment": environment,
        "at": at,
        "text": text(words, environment),
        "events": events,
    }
    return dict(_without(told, [each for each in secrets if len(each) > 3]))


def subject(words: Sequence[Word], environment: str) -> str:
    """Return the subject of a mail: the worst first."""
    open_ = [word for word in words if word.kind != CLEAR]
    first = (open_ or list(words))[0]
    more = f" and {len(words) - 1} more" if len(words) > 1 else ""
    # A key may hold a file's name, and a name anything: a header is one line.
    said = f"[feeds {environment}] {_TITLES[first.kind]}: {first.key}{more}"
    return "".join(letter if letter.isprintable() else "?" for letter in said)


def text(words: Sequence[Word], environment: str) -> str:
    """Return it for people."""
    lines = []
    for word in words:
        problem = word.problem
        lines.append(f"{_TITLES[word.kind]} ({environment}): {word.key}")
        if word.kind == CLEAR:
            lines.append(f"  open from {problem['first']} to {problem['ended']}")
            continue
        lines.append(f"  {_cut(problem['says'], 4)}")
        lines += [f"  such as {_cut(each)}" for each in problem["examples"][:EXAMPLES]]
        lines.append(f"  What to do: {problem['do']}")
        if word.kind == REMINDER:
            lines.append(f"  Open since {problem['first']}.")
        lines.append(f'  No reminders: monitor ack {word.key} --because "..."')
    return "\n".join(lines)


def _event(word: Word) -> dict[str, Any]:
    problem = word.problem
    told = {
        name: problem.get(name)
        for name in ("id", "severity", "about", "do", "first", "last", "ended")
    }
    told["says"] = _cut(problem["says"], 4)
    if word.kind == CLEAR:
        return {"event": word.kind, "key": word.key, **told, "examples": []}
    examples = [_cut(each) for each in problem["examples"][:EXAMPLES]]
    return {"event": word.kind, "key": word.key, **told, "examples": examples}


def _cut(said: str, times: int = 1) -> str:
    most = _LENGTH * times
    return said if len(said) <= most else said[: most - 3] + "..."


def _without(told: Any, secrets: Sequence[str]) -> Any:
    if isinstance(told, str):
        for secret in secrets:
            told = told.replace(secret, "***")
        return told
    if isinstance(told, Mapping):
        return {name: _without(value, secrets) for name, value in told.items()}
    if isinstance(told, list):
        return [_without(each, secrets) for each in told]
    return told


def line(told: Mapping[str, Any]) -> bytes:
    """Return it as one line of JSON."""
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode() + b"\n"
