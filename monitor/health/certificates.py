"""Check when certificates of sources end, and the authorities of the variables."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from monitor.context import CLOCK, Context
from monitor.findings import CheckResult, Finding
from runtime.files import parse_time

# Days before the end: automatic renewal is due, and it has failed.
_RENEWAL, _LAST = 30, 7
_VARIABLES = (
    *("ORDERTIME_CA_FILE", "ORDER_TOOL_CA_FILE"),
    *("FEEDS_ALERT_WEBHOOK_CA_FILE", "FEEDS_ALERT_SMTP_CA_FILE"),
)


def check(context: Context) -> CheckResult:
    """Check the certificate of each source at its last extract, and each CA_FILE."""
    findings: list[Finding] = []
    for source in context.sources:
        report = context.landed_if_readable(source) or {}
        if ends := report.get("certificate_ends"):
            step = "Ask the operator of the source to renew it."
            what = f"{source}: the certificate"
            findings += ending(context.at, source, what, parse_time(ends), step)
    names = {f"DEST_{feed.destination.upper()}_CA_FILE" for feed in context.feeds}
    for name in sorted({*names, *_VARIABLES}):
        if path := context.variables.optional(name):
            step = f"Get the next authority from its owner, and add it to {path}."
            what = f"{name}: the last authority of {path}"
            findings += ending(context.at, name, what, _last(Path(path)), step)
    return CheckResult(findings=tuple(findings))


def ending(
    at: datetime, about: str, what: str, ends: datetime, step: str = ""
) -> Iterator[Finding]:
    """Yield a finding if a certificate ends within 30 days.

    Args:
        at: the time of the check, UTC.
        about: the source, destination or variable.
        what: begins the message.
        ends: the certificate's last moment, UTC.
        step: the next step, if it is not that of the catalogue.
    """
    days = (ends - at).days
    if days < _RENEWAL:
        id_ = "CERT_EXPIRES" if days < _LAST else "CERT_RENEWAL_DUE"
        message = f"{what} ends at {ends:{CLOCK}}, {days} days from now"
        yield Finding(id_, about, message, step=step)


def _last(path: Path) -> datetime:
    """Return when the last certificate of a file ends: an old one may stay there.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    # A twentieth of a second, which only a CA_FILE needs.
    from cryptography import x509

    certificates = x509.load_pem_x509_certificates(path.read_bytes())
    return max(each.not_valid_after_utc for each in certificates)
