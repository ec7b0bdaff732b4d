"""The settings of alerts: `FEEDS_ALERT_*`. By default there is no channel."""

from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from runtime.display import hide
from runtime.environment import Environment, Secret
from runtime.exits import Misuse
from runtime.http import Proxy, valid_address


@dataclass(frozen=True, slots=True)
class Webhook:
    """An HTTPS address that accepts JSON. The address itself may be a secret."""

    url: Secret
    token: Secret | None
    ca_file: Path | None
    proxy: Proxy


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail server. `implicit` is TLS from the first byte, else STARTTLS."""

    host: str
    port: int
    implicit: bool
    user: str | None
    password: Secret | None
    ca_file: Path | None
    sender: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """The channels, and when they get a message.

    Attributes:
        chats: the URLs of chats and services that apprise sends to.
        severities: of findings that raise an alert.
        remind: the time between two messages on an open problem.
        timeout: seconds that a channel may take to answer.
    """

    webhook: Webhook | None
    mail: Mail | None
    chats: tuple[Secret, ...]
    file: Path | None
    severities: frozenset[str]
    remind: timedelta
    timeout: float

    @classmethod
    def from_environment(cls, variables: Environment) -> "Settings":
        """Read the variables; see docs/alerts.md.

        Raises:
            Misuse: a variable is wrong. The message names it, without its value.
        """
        least = variables.text("FEEDS_ALERT_LEAST", "warn")
        if least not in ("warn", "act"):
            raise Misuse(f"FEEDS_ALERT_LEAST must be warn or act, but is {least!r}.")
        file = variables.optional("FEEDS_ALERT_FILE")
        return cls(
            _webhook(variables),
            _mail(variables),
            _chats(variables),
            Path(file) if file else None,
            frozenset({"act", "unsure", "warn"} if least == "warn" else {"act"}),
            timedelta(hours=variables.number("FEEDS_ALERT_REMIND_HOURS", 24, 0.01)),
            variables.number("FEEDS_ALERT_TIMEOUT", 30, 0.1, 600),
        )


def _webhook(variables: Environment) -> Webhook | None:
    url = variables.optional("FEEDS_ALERT_WEBHOOK_URL")
    if url is None:
        return None
    parts = valid_address(url)
    if parts is None or parts.scheme != "https":
        raise Misuse(
            "FEEDS_ALERT_WEBHOOK_URL must begin with https:// and name a host: alerts "
            "are not sent in clear text."
        )
    # A server may repeat the path alone.
    hide([parts.path, *(each for each in parts.path.split("/") if len(each) > 7)])
    token = variables.header("FEEDS_ALERT_WEBHOOK_TOKEN", "")
    return Webhook(
        Secret(url),
        Secret(token) if token else None,
        variables.authorities("FEEDS_ALERT_WEBHOOK_CA_FILE"),
        Proxy.from_environment(variables),
    )


def _chats(variables: Environment) -> tuple[Secret, ...]:
    urls = (variables.optional("FEEDS_ALERT_APPRISE_URLS") or "").split()
    for url in urls:
        hide([url, *_parts(url)])
    return tuple(map(Secret, urls))


def _parts(url: str) -> list[str]:
    """Return the parts of a URL that a service may repeat, such as a token.

    Where it names no host, the place of the host has a token too.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    host = parts.netloc.rpartition("@")[2].partition(":")[0]
    if "." in host or host == "localhost":
        host = ""
    words = [parts.username, parts.password, host, *parts.path.split("/")]
    words += [parts.fragment, *(text for _, text in parse_qsl(parts.query))]
    return [unquote(word) for word in words if word and len(word) > 7]


def _mail(variables: Environment) -> Mail | None:
    url = variables.optional("FEEDS_ALERT_SMTP_URL")
    if url is None:
        return None
    parts = valid_address(url)
    if parts is None or parts.scheme not in ("smtp", "smtps"):
        raise Misuse(
            "FEEDS_ALERT_SMTP_URL must be like smtp://user@host:587 (STARTTLS) or "
            "smtps://user@host:465 (TLS at once)."
        )
    if parts.password is not None:
        raise Misuse(
            "FEEDS_ALERT_SMTP_URL has a password in it: set FEEDS_ALERT_SMTP_PASSWORD."
        )
    implicit = parts.scheme == "smtps"
    to = _addresses(variables, "FEEDS_ALERT_MAIL_TO")
    sender = _addresses(variables, "FEEDS_ALERT_MAIL_FROM")
    user = unquote(parts.username) if parts.username else None
    password = variables.secret("FEEDS_ALERT_SMTP_PASSWORD") if user else None
    return Mail(
        parts.hostname or "",
        parts.port or (465 if implicit else 587),
        implicit,
        user,
        password,
        variables.authorities("FEEDS_ALERT_SMTP_CA_FILE"),
        ", ".join(sender),
        to,
    )


def _addresses(variables: Environment, name: str) -> tuple[str, ...]:
    text = variables.text(name)
    addresses = tuple(one.strip() for one in text.split(",") if one.strip())
    if not text.isprintable() or not all("@" in parseaddr(a)[1] for a in addresses):
        raise Misuse(
            f"{name}: expected addresses on one line with commas between them, such as "
            "ops@example.com, found something else."
        )
    return addresses
