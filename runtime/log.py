"""Log lines on stderr: an event with its fields, as text or as JSON.

docs/log.schema.json has the fields of the JSON lines.
"""

import logging
import os
import sys
import time
from collections.abc import Mapping, MutableMapping
from typing import Any

from runtime.display import json_text, one_line
from runtime.exits import Misuse

FORMATS = ("text", "json")
_OF_LOGGING = ("exc_info", "stack_info", "stacklevel")
# What --log-format, or else FEEDS_LOG_FORMAT, says.
_format = ""


class _Log(logging.LoggerAdapter[logging.Logger]):
    """A logger that takes fields as keywords: `LOG.info("sent", bytes=7)`.

    The event is a constant. A field without a value is None. `because` comes last.
    """

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Pass the fields on with the record."""
        passed = {name: kwargs.pop(name) for name in _OF_LOGGING if name in kwargs}
        return msg, {**passed, "extra": {"fields": kwargs}}


LOG = _Log(logging.getLogger("feeds"))


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level, event = record.levelname.lower(), record.getMessage()
        fields = getattr(record, "fields", {})
        if is_json():
            return json_line(level, event, fields, record.created)
        at = time.strftime("%H:%M:%S", time.gmtime(record.created))
        words = [event, *(_word(*field) for field in _present(fields).items())]
        return f"{at} {level:<7} {one_line(' '.join(words))}"


def json_line(
    level: str, event: str, fields: Mapping[str, Any], at: float | None = None
) -> str:
    """Return a log line as JSON; `at` is seconds since 1970, by default now."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    line = {"at": moment, "level": level, "event": event, **_present(fields)}
    return json_text(line)


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in fields.items()
        if value is not None
    }


def _word(name: str, value: Any) -> str:
    if isinstance(value, float):
        return f"{name}={value:.1f}"
    text = ", ".join(value) if isinstance(value, list) else str(value)
    quoted = name != "because" and (" " in text or not text)
    return f"{name}={text!r}" if quoted else f"{name}={text}"


def start_logging(log_format: str, quiet: bool) -> None:
    """Send log lines to stderr: text or json, or "" for what FEEDS_LOG_FORMAT says."""
    global _format
    _format = log_format
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    LOG.logger.handlers = [handler]
    LOG.logger.propagate = False
    LOG.setLevel(logging.WARNING if quiet else logging.INFO)


def set_default_format(value: str | None) -> None:
    """Take FEEDS_LOG_FORMAT from the environment or `.env`; an option wins.

    Raises:
        Misuse: there is no such format.
    """
    global _format
    if value not in (None, *FORMATS):
        raise Misuse(f"FEEDS_LOG_FORMAT: expected text or json, found {value!r}.")
    _format = _format or value or ""


def is_json() -> bool:
    """Return whether log lines are JSON."""
    return (_format or os.environ.get("FEEDS_LOG_FORMAT", "").strip()) == "json"
