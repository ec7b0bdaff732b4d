"""The ways out: a webhook over HTTPS, a mail over TLS, a line in a file."""

import os
import smtplib
import ssl
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

import requests

from monitor.alerts.message import line
from monitor.alerts.settings import Mail, Settings, Webhook

Told = Mapping[str, Any]
Send = Callable[[Told, str], None]


class NotTakenError(Exception):
    """A channel did not take an alert; the message says why, without a secret."""


def of(settings: Settings) -> dict[str, Send]:
    """Return the channels that are configured, by name."""
    channels: dict[str, Send] = {}
    if settings.webhook:
        hook = settings.webhook
        channels["webhook"] = lambda told, _: post(hook, told, settings.timeout)
    if settings.mail:
        mail = settings.mail
        channels["mail"] = lambda told, title: send(mail, told, title, settings.timeout)
    if settings.file:
        file = settings.file
        channels["file"] = lambda told, _: append(file, told)
    return channels


def post(to: Webhook, told: Told, timeout: float) -> None:
    """POST JSON; any 2xx is taken. A redirect is not followed: it could lead anywhere.

    Raises:
        NotTakenError: it was not taken.
    """
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if to.token:
        headers["Authorization"] = f"Bearer {to.token.reveal()}"
    try:
        answer = requests.post(
            to.url.reveal(),
            data=line(told),
            headers=headers,
            timeout=timeout,
            verify=str(to.ca_file) if to.ca_file else True,
            allow_redirects=False,
            stream=True,
        )
        answer.close()
    except requests.RequestException as why:
        # Its words may hold the address, and that the secret of a chat system.
        raise NotTakenError(f"the webhook: {_kind(why)}") from None
    if not 200 <= answer.status_code < 300:
        raise NotTakenError(f"the webhook answered {answer.status_code}")


def _kind(why: BaseException) -> str:
    """Name the innermost cause: its class, and its words if it is about TLS."""
    while (inner := why.__cause__ or why.__context__) is not None:
        why = inner
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {why.verify_message}"
    if isinstance(why, OSError) and why.strerror:
        return why.strerror
    return type(why).__name__


def send(to: Mail, told: Told, title: str, timeout: float) -> None:
    """Send a mail; TLS is required and its certificate checked.

    Raises:
        NotTakenError: it was not taken, or not for every address.
    """
    context = ssl.create_default_context(cafile=str(to.ca_file) if to.ca_file else None)
    mail = EmailMessage()
    mail["Subject"] = title
    mail["From"] = to.sender
    mail["To"] = ", ".join(to.to)
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=to.sender.rpartition("@")[2] or None)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(str(told["text"]))
    mail.add_attachment(
        line(told), maintype="application", subtype="json", filename="alert.json"
    )
    try:
        with _connected(to, context, timeout) as server:
            if to.user and to.password:
                server.login(to.user, to.password.reveal())
            refused = server.send_message(mail)
    except smtplib.SMTPAuthenticationError as why:
        raise NotTakenError(
            f"the mail server refuses the login: {why.smtp_code}"
        ) from None
    except (smtplib.SMTPException, OSError) as why:
        raise NotTakenError(f"the mail server: {_said(why)}") from None
    if refused:
        raise NotTakenError(f"the mail server refuses {', '.join(sorted(refused))}")


def _connected(to: Mail, context: ssl.SSLContext, timeout: float) -> smtplib.SMTP:
    if to.implicit:
        return smtplib.SMTP_SSL(to.host, to.port, timeout=timeout, context=context)
    server = smtplib.SMTP(to.host, to.port, timeout=timeout)
    try:
        server.starttls(context=context)  # raises if the server has none
    except BaseException:
        server.close()
        raise
    return server


def _said(why: BaseException) -> str:
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {why.verify_message}"
    return " ".join(str(why).split())[:200] or type(why).__name__


def append(path: Path, told: Told) -> None:
    """Append a line of JSON, durably.

    Raises:
        NotTakenError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            os.write(handle, line(told))
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as why:
        raise NotTakenError(f"{path}: {why.strerror}") from None
