"""The channels: a webhook over HTTPS, a mail over TLS, chats, a line in a file."""

import os
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

import requests
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from monitor.alerts import chats
from monitor.alerts.chats import REASON_LETTERS, ChannelError, Document, Send
from monitor.alerts.message import line
from monitor.alerts.settings import Mail, Settings, Webhook
from runtime.clock import time_limit
from runtime.display import beginning, one_line
from runtime.http import deadline
from runtime.session import open_session
from runtime.tls import client_context

# Of an answer that says why an alert is not accepted.
_REASON_BYTES = 1000
# Most bytes of one reply of a mail server, all its lines together.
_REPLY_BYTES = 64 * 1024


def configured(settings: Settings) -> dict[str, Send]:
    """Return the configured channels by name."""
    channels: dict[str, Send] = {}
    if settings.webhook:
        hook = settings.webhook
        channels["webhook"] = lambda document, _: post(hook, document, settings.timeout)
    if settings.mail:
        mail = settings.mail
        channels["mail"] = lambda document, title: send(
            mail, document, title, settings.timeout
        )
    if settings.chats:
        channels |= chats.configured(settings.chats, settings.timeout)
    if settings.file:
        file = settings.file
        channels["file"] = lambda document, _: append(file, document)
    return channels


def post(to: Webhook, document: Document, timeout: float) -> None:
    """POST JSON; any 2xx means accepted. Redirects are not followed, for safety.

    Raises:
        ChannelError: it was not accepted.
    """
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if to.token:
        headers["Authorization"] = f"Bearer {to.token.reveal()}"
    url = to.url.reveal()
    verify = str(to.ca_file) if to.ca_file else True
    try:
        with (
            deadline(2 * timeout),
            open_session(url, verify, to.proxy) as session,
            session.post(
                url,
                data=line(document),
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            accepted = 200 <= response.status_code < 300
            reason = b"" if accepted else response.raw.read(_REASON_BYTES)
    except (requests.RequestException, HTTPError) as error:
        # Its message may contain the address, which has the secret of a chat system.
        raise ChannelError(f"the webhook: {_cause(error)}") from None
    if not accepted:
        words = _shown(reason.decode("utf-8", "replace"))
        answer = f": {words}" if words else ""
        raise ChannelError(f"the webhook answered {response.status_code}{answer}")


def _cause(error: BaseException) -> str:
    """Describe the innermost cause in words, without an address."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, (TimeoutError, HTTPTimeoutError)):
        return "no whole answer within FEEDS_ALERT_TIMEOUT"
    if isinstance(error, UnicodeError):
        return "FEEDS_ALERT_WEBHOOK_URL has no valid host name"
    # An error of requests is an OSError, and may contain the address.
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return error.strerror or _shown(str(error))
    return "its answer is not valid HTTP"


def send(to: Mail, document: Document, title: str, timeout: float) -> None:
    """Send a mail over TLS, with a check of the server's certificate.

    Raises:
        ChannelError: it was not accepted, or not for every address.
    """
    context = client_context(to.ca_file)
    mail = EmailMessage()
    mail["Subject"] = title
    mail["From"] = to.sender
    mail["To"] = ", ".join(to.to)
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=to.sender.rpartition("@")[2] or None)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(str(document["text"]))
    mail.add_attachment(
        line(document), maintype="application", subtype="json", filename="alert.json"
    )
    try:
        # Twice: a server may need that time for its greeting, and again for the mail.
        with time_limit(2 * timeout, TimeoutError):
            refused = _deliver(to, mail, context, timeout)
    except smtplib.SMTPAuthenticationError as error:
        reply = _reply(error.smtp_code, error.smtp_error)
        raise ChannelError(f"the mail server refuses the login: {reply}") from None
    except smtplib.SMTPRecipientsRefused as error:
        raise ChannelError(_refused(error.recipients)) from None
    except (smtplib.SMTPException, OSError) as error:
        raise ChannelError(f"the mail server: {_smtp_error(error)}") from None
    if refused:
        raise ChannelError(_refused(refused))


def _deliver(
    to: Mail, mail: EmailMessage, context: ssl.SSLContext, timeout: float
) -> dict[str, tuple[int, bytes]]:
    """Return the addresses that the server refuses, with its replies."""
    server = _connected(to, context, timeout)
    try:
        if to.user and to.password:
            server.login(to.user, to.password.reveal())
        refused = server.send_message(mail)
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
        return refused
    finally:
        server.close()


class _Bounded:
    """The replies of a mail server; smtplib reads as many lines as one sends."""

    def __init__(self, file: Any) -> None:
        self._file, self.left = file, _REPLY_BYTES

    def readline(self, most: int) -> bytes:
        line: bytes = self._file.readline(most)
        self.left -= len(line)
        if self.left < 0:
            raise OSError(f"a reply of over {_REPLY_BYTES} bytes")
        return line

    def close(self) -> None:
        self._file.close()


class _Smtp(smtplib.SMTP):
    def getreply(self) -> tuple[int, bytes]:
        # smtplib closes the file and forgets it when TLS begins.
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        if self.file is not None:
            self.file.left = _REPLY_BYTES
        return super().getreply()


class _SmtpTls(_Smtp, smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""


def _connected(to: Mail, context: ssl.SSLContext, timeout: float) -> smtplib.SMTP:
    if to.implicit:
        return _SmtpTls(to.host, to.port, timeout=timeout, context=context)
    server = _Smtp(to.host, to.port, timeout=timeout)
    try:
        server.starttls(context=context)  # raises if the server has none
    except BaseException:
        server.close()
        raise
    return server


def _refused(replies: Mapping[str, tuple[int, bytes]]) -> str:
    """Name the addresses that the server refuses, each with its reply."""
    each = (f"{to}: {_reply(*replies[to])}" for to in sorted(replies))
    return f"the mail server refuses {'; '.join(each)}"


def _reply(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {_shown(text)}".rstrip()


def _smtp_error(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, smtplib.SMTPResponseException):
        return _reply(error.smtp_code, error.smtp_error)
    return _shown(str(error)) or type(error).__name__


def _shown(text: str) -> str:
    """Return the first words of somebody else's text, on one line and masked."""
    return one_line(beginning(text, REASON_LETTERS))


def append(path: Path, document: Document) -> None:
    """Append a line of JSON and flush it to disk.

    Raises:
        ChannelError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            os.write(handle, line(document))
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise ChannelError(f"{path}: {error.strerror}") from None
