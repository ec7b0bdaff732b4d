"""Check each destination: settings, last result, end of the certificate."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from monitor.context import Context, duration_text
from monitor.findings import CheckResult, Finding
from monitor.health import certificates
from runtime.files import parse_time
from store import checks

_VERDICTS = {
    "not acceptable": "DEST_NOT_READY",
    "not configured": "DEST_NOT_READY",
    "unavailable": "DEST_UNREACHABLE",
}
# Of one folder: at, verdict, message, facts.
Result = Mapping[str, Any]


def check(context: Context) -> CheckResult:
    """Check every destination of a feed."""
    facts: dict[str, Any] = {}
    findings: list[Finding] = []
    for name in sorted({feed.destination for feed in context.feeds}):
        feeds = [f for f in context.feeds if f.destination == name]
        used = any(
            context.landed_if_readable(s) for feed in feeds for s in feed.sources
        )
        url = context.variables.optional(f"DEST_{name.upper()}_URL")
        if used and url is None:
            message = f"DEST_{name.upper()}_URL is not set"
            findings.append(Finding("DEST_UNCONFIGURED", name, message))
        folders = {feed.folder_in(context.place.environment) for feed in feeds}
        # A folder that no feed uses any more says nothing about the next delivery.
        results = {
            folder: result
            for folder, result in _newest(context, name).items()
            if folder in folders
        }
        facts[name] = {
            "configured": url is not None,
            "checks": {
                folder: {
                    "at": result["at"],
                    "verdict": result["verdict"],
                    "certificate_days_left": days_left(context.at, result),
                    "mode": result["facts"].get("mode"),
                }
                for folder, result in results.items()
            },
        }
        # A folder of this machine needs no test.
        if url and not results and not url.startswith("file:"):
            message = f"nothing was sent to {name} yet, and `publish check` never ran"
            findings.append(Finding("DEST_UNCHECKED", name, message))
        for folder, result in results.items():
            findings += _findings(context, name, folder, result)
        findings += _trust(context, name)
    return CheckResult({"destinations": facts}, tuple(findings))


def _newest(context: Context, name: str) -> dict[str, Result]:
    """Return the newest result of each folder: of `publish check`, or a receipt."""
    results: dict[str, Result] = {**checks.read(context.place.data, name)}
    ledger = context.intact_ledger
    folders = {r["attempt"]: r["folder"] for r in ledger.all("intent")}
    for record in ledger.all("delivered"):
        receipt = record.get("receipt") or {}
        if record.get("destination") != name or "server" not in receipt:
            continue  # a person recorded this delivery; no server answered
        folder = folders[record["attempt"]]
        before = results.get(folder)
        if (
            before is None
            or before["at"] <= record["at"]
            or before["at"] > context.clock_limit
        ):
            files = receipt.get("files") or [{}]
            results[folder] = {
                "at": record["at"],
                "verdict": "delivered",
                "message": "",
                "facts": {**receipt, "mode": files[-1].get("mode")},
            }
    return dict(sorted(results.items()))


def days_left(at: datetime, result: Result) -> int | None:
    """Return whole days until the certificate ends; None if it is not known."""
    ends = result["facts"].get("certificate_ends")
    return (parse_time(ends) - at).days if ends else None


def _findings(
    context: Context, name: str, folder: str, result: Result
) -> Iterator[Finding]:
    at, verdict = result["at"], result["verdict"]
    where = f"{name}, folder {folder}"
    if verdict in _VERDICTS:
        message = f"{where}: {verdict} at {at}: {result['message']}"
        yield Finding(_VERDICTS[verdict], name, message, at)
    age = context.at - parse_time(at)
    if age > context.thresholds.check:
        message = f"{where}: the last check or delivery was {duration_text(age)} ago"
        yield Finding("DEST_CHECK_OLD", name, message, at)
    if ends := result["facts"].get("certificate_ends"):
        what = f"{where}: the certificate"
        yield from certificates.ending(context.at, name, what, parse_time(ends))


def _trust(context: Context, name: str) -> Iterator[Finding]:
    sent = [
        record
        for record in context.intact_ledger.all("delivered")
        if record["destination"] == name
    ]
    if sent and (sent[-1].get("receipt") or {}).get("certificate_checked") is False:
        message = (
            f"{sent[-1]['name']} was sent to {name} without a check of its certificate"
        )
        yield Finding("CERT_NOT_CHECKED", name, message, sent[-1]["at"])
