"""Each destination: is it configured, was it tried, how long its certificate lasts."""

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.context import Context, duration_text
from monitor.findings import CheckResult, Finding
from runtime.files import parse_time, read_json

# Days in which a certificate is renewed by itself, and in which it is not any more.
_RENEWAL, _LAST = 30, 7
_VERDICTS = {
    "not acceptable": "DEST_NOT_READY",
    "not configured": "DEST_NOT_READY",
    "unreachable": "DEST_UNREACHABLE",
}


def check(evidence: Context) -> CheckResult:
    """Look at every destination of a feed whose source is there."""
    facts: dict[str, Any] = {}
    findings: list[Finding] = []
    for name in sorted({feed.destination for feed in evidence.feeds}):
        mine = [f for f in evidence.feeds if f.destination == name]
        used = any(evidence.landed(s) for feed in mine for s in feed.sources)
        url = evidence.variables.optional(f"DEST_{name.upper()}_URL")
        if used and url is None:
            says = f"DEST_{name.upper()}_URL is not set"
            findings.append(Finding("DEST_UNCONFIGURED", name, says))
        reports = _reports(evidence, name)
        facts[name] = {
            "configured": url is not None,
            "checks": {
                folder: {
                    "at": report["at"],
                    "verdict": report["verdict"],
                    "certificate_days_left": days_left(evidence, report),
                }
                for folder, report in reports.items()
            },
        }
        # A folder has nothing to try that would not show at the first file.
        if url and not reports and not url.startswith("file:"):
            says = f"{name} was never tried by `publish check`"
            findings.append(Finding("DEST_UNCHECKED", name, says))
        for folder, report in reports.items():
            findings += _of(evidence, name, folder, report)
        findings += _trust(evidence, name)
    return CheckResult({"destinations": facts}, tuple(findings))


def _reports(evidence: Context, name: str) -> dict[str, Any]:
    path = evidence.place.data / "checks" / f"{name}.json"
    if not path.exists():
        return {}
    folders = read_json(path)["folders"]
    return {folder: entry["report"] for folder, entry in sorted(folders.items())}


def days_left(evidence: Context, report: Mapping[str, Any]) -> int | None:
    """Whole days until the certificate that the check saw ends; None without one."""
    shown = report["observed"].get("certificate")
    return (parse_time(shown["not_after"]) - evidence.at).days if shown else None


def _of(
    evidence: Context, name: str, folder: str, report: Mapping[str, Any]
) -> Iterator[Finding]:
    at, verdict = report["at"], report["verdict"]
    where = f"{name}, folder {folder}"
    if verdict in _VERDICTS:
        says = f"{where}: {verdict} at {at}: {report['message']}"
        yield Finding(_VERDICTS[verdict], name, says, at)
    age = evidence.at - parse_time(at)
    if age > evidence.patience.check:
        says = f"{where} was last tried {duration_text(age)} ago"
        yield Finding("DEST_CHECK_OLD", name, says, at)
    days = days_left(evidence, report)
    if days is not None and days < _RENEWAL:
        until = report["observed"]["certificate"]["not_after"]
        says = f"{where}: the certificate ends at {until}, {days} days from now"
        yield Finding(
            "CERT_EXPIRES" if days < _LAST else "CERT_RENEWAL_DUE", name, says
        )


def _trust(evidence: Context, name: str) -> Iterator[Finding]:
    sent = [
        record
        for record in evidence.history.all("delivered")
        if record["destination"] == name
    ]
    if sent and (sent[-1].get("receipt") or {}).get("certificate_checked") is False:
        says = f"{sent[-1]['name']} went to {name} without a look at its certificate"
        yield Finding("CERT_NOT_CHECKED", name, says, sent[-1]["at"])
