"""Each destination: its settings, the last result there, the certificate's end."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from monitor.context import Context, duration_text
from monitor.findings import CheckResult, Finding
from runtime.files import parse_time
from store import checks

# Days in which a certificate is renewed by itself, and in which it is not any more.
_RENEWAL, _LAST = 30, 7
_VERDICTS = {
    "not acceptable": "DEST_NOT_READY",
    "not configured": "DEST_NOT_READY",
    "unavailable": "DEST_UNREACHABLE",
}
# Of one folder: at, verdict, message, facts.
Result = Mapping[str, Any]


def check(evidence: Context) -> CheckResult:
    """Look at every destination of a feed whose source is there."""
    facts: dict[str, Any] = {}
    findings: list[Finding] = []
    for name in sorted({feed.destination for feed in evidence.feeds}):
        feeds = [f for f in evidence.feeds if f.destination == name]
        used = any(evidence.landed(s) for feed in feeds for s in feed.sources)
        url = evidence.variables.optional(f"DEST_{name.upper()}_URL")
        if used and url is None:
            says = f"DEST_{name.upper()}_URL is not set"
            findings.append(Finding("DEST_UNCONFIGURED", name, says))
        results = _newest(evidence, name)
        facts[name] = {
            "configured": url is not None,
            "checks": {
                folder: {
                    "at": result["at"],
                    "verdict": result["verdict"],
                    "certificate_days_left": days_left(evidence.at, result),
                    "mode": result["facts"].get("mode"),
                }
                for folder, result in results.items()
            },
        }
        # What is wrong with a folder of this machine shows at the first file.
        if url and not results and not url.startswith("file:"):
            says = f"nothing was sent to {name} yet, and `publish check` never tried it"
            findings.append(Finding("DEST_UNCHECKED", name, says))
        for folder, result in results.items():
            findings += _findings(evidence, name, folder, result)
        findings += _trust(evidence, name)
    return CheckResult({"destinations": facts}, tuple(findings))


def _newest(evidence: Context, name: str) -> dict[str, Result]:
    """Return the newest result of each folder: of `publish check`, or a receipt."""
    results: dict[str, Result] = {**checks.read(evidence.place.data, name)}
    ledger = evidence.history
    folders = {r["attempt"]: r["folder"] for r in ledger.all("intent")}
    for record in ledger.all("delivered"):
        receipt = record.get("receipt") or {}
        if record.get("destination") != name or "server" not in receipt:
            continue  # without a server it is the word of a person
        folder = folders[record["attempt"]]
        if folder not in results or results[folder]["at"] <= record["at"]:
            files = receipt.get("files") or [{}]
            results[folder] = {
                "at": record["at"],
                "verdict": "delivered",
                "message": "",
                "facts": {**receipt, "mode": files[-1].get("mode")},
            }
    return dict(sorted(results.items()))


def days_left(at: datetime, result: Result) -> int | None:
    """Return whole days until the certificate ends; None where that is not known."""
    ends = result["facts"].get("certificate_ends")
    return (parse_time(ends) - at).days if ends else None


def _findings(
    evidence: Context, name: str, folder: str, result: Result
) -> Iterator[Finding]:
    at, verdict = result["at"], result["verdict"]
    where = f"{name}, folder {folder}"
    if verdict in _VERDICTS:
        says = f"{where}: {verdict} at {at}: {result['message']}"
        yield Finding(_VERDICTS[verdict], name, says, at)
    age = evidence.at - parse_time(at)
    if age > evidence.patience.check:
        says = f"{where} was last tried {duration_text(age)} ago"
        yield Finding("DEST_CHECK_OLD", name, says, at)
    days = days_left(evidence.at, result)
    if days is not None and days < _RENEWAL:
        until = result["facts"]["certificate_ends"]
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
