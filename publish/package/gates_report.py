"""The verdict as a machine reads it, and as a person does.

gates.json is an in-toto Statement v1 with the Test Result predicate v0.1; its subject
is the digest of the file, so that it cannot be said of any other bytes.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from publish.gate.checks import Check, Gates

_TITLES = {
    "dbt": "Did dbt build and test everything below the file?",
    "guards": "Is the file as a whole plausible, and what the mart says?",
    "suite": "Does every row, as read back from the file, keep the agreement?",
}


def statement(
    gates: Gates,
    name: str,
    sha256: str,
    configuration: Mapping[str, str],
    approved: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return gates.json.

    Args:
        gates: every check.
        name: of the file.
        sha256: of the file.
        configuration: what decided: name to SHA-256, such as the contract's.
        approved: the ledger's record of a release in spite of closed checks.

    Returns:
        PASSED if nothing is closed, WARNED if a person released it, else FAILED.
        `checks` is ours; readers of the predicate ignore what they do not know.
    """
    closed = [check.id for check in gates.closed]
    excused = set(approved["checks"]) & set(closed) if approved else set()
    failed = [check for check in closed if check not in excused]
    result = "FAILED" if failed else "WARNED" if closed else "PASSED"
    predicate: dict[str, Any] = {
        "result": result,
        "configuration": [
            {"name": name, "digest": {"sha256": digest}}
            for name, digest in configuration.items()
        ],
        "passedTests": [check.id for check in gates.checks if check.passed],
        "warnedTests": sorted(excused),
        "failedTests": failed,
        "checks": [_told(check) for check in gates.checks],
    }
    if approved:
        predicate["approved"] = {
            field: approved[field] for field in ("by", "because", "at", "checks")
        }
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": predicate,
    }


def page(said: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """Return gates.html: one page that needs no other file and no network."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    checks = said["predicate"]["checks"]
    gates = [
        (title, [check for check in checks if check["gate"] == gate])
        for gate, title in _TITLES.items()
    ]
    return environment.get_template("gates.html").render(
        gates=gates,
        predicate=said["predicate"],
        subject=said["subject"][0],
        manifest=manifest,
    )


def _told(check: Check) -> dict[str, Any]:
    told = asdict(check)
    told["verdict"] = "pass" if told.pop("passed") else "fail"
    told["examples"] = [
        example if isinstance(example, str) else _flat(example)
        for example in check.examples
    ]
    return told


def _flat(example: object) -> str:
    if isinstance(example, Mapping):
        return ", ".join(f"{name} {value}" for name, value in example.items())
    return str(example)
