"""Alerts to chats and on-call services, by apprise: one channel for each URL."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from runtime.clock import time_limit
from runtime.display import beginning, one_line
from runtime.environment import Secret
from runtime.exits import Misuse

Document = Mapping[str, Any]
Send = Callable[[Document, str], None]
# Of an answer that says why an alert is not accepted.
REASON_LETTERS = 200
_VARIABLE = "FEEDS_ALERT_APPRISE_URLS"
# Plugins log the body of an answer behind these words, as Python writes bytes.
_ANSWER = "Response Details:"


class ChannelError(Exception):
    """A channel did not accept an alert. The message has no secrets."""


def configured(urls: Sequence[Secret], timeout: float) -> dict[str, Send]:
    """Return a channel for each URL: `ntfys`, and `ntfys-2` for a second one.

    Args:
        urls: as https://appriseit.com lists them.
        timeout: seconds that a service may take to answer.

    Raises:
        Misuse: apprise is not installed, does not know a URL, or would send in clear
            text or without a check of the certificate. No message has the URL.
    """
    try:
        from apprise import Apprise, AppriseAsset
    except ImportError:
        raise Misuse(
            f"{_VARIABLE} is set: expected the package apprise, found none. Install "
            "partner-feeds[apprise]."
        ) from None
    channels: dict[str, Send] = {}
    for number, url in enumerate(urls, 1):
        with _logged():
            # Nothing is stored. By default apprise sends in another thread for up to a
            # minute and then leaves it; no time limit reaches it, and while a server
            # drips there, the process cannot end.
            asset = AppriseAsset(
                app_id="partner-feeds",
                storage_mode="memory",
                async_mode=False,
                service_timeout=0,
            )
            service = Apprise(asset=asset)
            known = service.add(url.reveal())
        where = f"{_VARIABLE}, URL {number}"
        if not known:
            raise Misuse(
                f"{where}: expected a URL that apprise knows, such as ntfys://TOPIC, "
                "found something else."
            )
        scheme = url.reveal().partition(":")[0].lower()
        clear = service[0].protocol or ()
        if scheme in ((clear,) if isinstance(clear, str) else clear):
            secure = service[0].secure_protocol
            raise Misuse(
                f"{where}: {scheme}:// sends in clear text"
                + (f"; use {secure}://." if isinstance(secure, str) else ".")
            )
        if not service[0].verify_certificate:
            raise Misuse(f"{where}: verify=no would send to any server. Leave it out.")
        name, count = scheme, 1
        while name in channels:
            count += 1
            name = f"{scheme}-{count}"
        channels[name] = partial(_send, service, timeout)
    return channels


def _send(service: Any, timeout: float, document: Document, title: str) -> None:
    """Send the text of an alert.

    Raises:
        ChannelError: it was not accepted; says what the service answered.
    """
    from apprise import NotifyFormat, NotifyType

    with _logged() as lines, time_limit(2 * timeout, TimeoutError):
        accepted = service.notify(
            body=str(document["text"]),
            title=title,
            notify_type=NotifyType.WARNING,
            body_format=NotifyFormat.TEXT,
        )
    if not accepted:
        reason = one_line(beginning(_reason(lines), REASON_LETTERS))
        raise ChannelError(reason or "the service did not accept it")


def _reason(lines: Sequence[logging.LogRecord]) -> str:
    """Return what apprise logged of a failure, and the answer of the service."""
    words = [r.getMessage() for r in lines if r.levelno >= logging.WARNING]
    for record in lines:
        _, separator, answer = record.getMessage().partition(_ANSWER)
        if separator:
            words.append(answer.strip().removeprefix("b").strip("'\""))
    return " ".join(words)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record)


@contextmanager
def _logged() -> Iterator[list[logging.LogRecord]]:
    """Keep what apprise logs, URLs too: nothing of it is shown as it is."""
    logger, handler = logging.getLogger("apprise"), _Collector()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
