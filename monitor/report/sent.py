"""How a file left: the ledger's records in words, and the partner's receipt."""

from collections.abc import Iterable
from typing import Any

from monitor.report.evidence import Package, Record
from monitor.report.preview import clean
from monitor.report.words import value


def deliveries(records: Iterable[Record]) -> list[dict[str, str]]:
    """Return the ledger's records, each in words."""
    return [
        {
            "at": str(record.get("at", "")),
            "event": str(record["event"]),
            "says": clean(_says(record)),
        }
        for record in records
    ]


def _says(record: Record) -> str:
    by = {
        "intent": "to {destination}, folder {folder}, as .part first",
        "placing": "every byte is there; renaming to the final name",
        "delivered": "{name}, {bytes} bytes, to {destination}",
        "approved": "by {by}: {because}",
        "nothing": "{because}",
    }
    if record["event"] == "held":
        return f"closed: {', '.join(record.get('checks', ()))}"
    if record["event"] in by:
        return by[record["event"]].format_map(
            _Known({key: value(said) for key, said in record.items()})
        )
    return str(record.get("why") or record.get("because") or "")


class _Known(dict[str, Any]):
    """What a record has; nothing for what it has not."""

    def __missing__(self, key: str) -> str:
        return ""


_RECEIPT = {
    "server": "Server", "greeting": "Greeting", "tls": "TLS", "cipher": "Cipher",
    "certificate_checked": "Certificate checked", "encrypted": "Encrypted",
    "session_resumed": "TLS session resumed", "at": "At", "name": "Final name",
    "sha256": "SHA-256 sent", "package": "Digest of the package",
}  # fmt: skip


def receipt(package: Package) -> dict[str, Any] | None:
    """Return what the partner's server said; None without a delivery."""
    told = package.receipt
    if told is None:
        return None
    facts = []
    for key, name in _RECEIPT.items():
        if key in told:
            said = told[key]
            shown = {True: "yes", False: "no"}[said] if said in (True, False) else said
            facts.append((name, value(shown)))
    return {"facts": facts, "files": told.get("files", [])}
