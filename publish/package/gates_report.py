"""gates.json and gates.html: every check of a file, and the result.

gates.json is an in-toto Statement v1 with the Test Result predicate v0.1; its subject
is the digest of the file, so that it holds for no other bytes.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from publish.gate.checks import Gates

_TITLES = {
    "dbt": "Did dbt build and test everything below the file?",
    "guards": "Is the file as a whole plausible, and equal to the mart?",
    "suite": "Does every row, as read back from the file, keep the contract?",
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
        configuration: name to SHA-256 of what decided, such as the contract.
        approved: the ledger's record of a release, if a person gave one.

    Returns:
        PASSED if nothing is closed, WARNED if a person released it, else FAILED.
        `checks` is not in the predicate's schema, which allows other fields.
    """
    closed = [check.id for check in gates.closed]
    released = set(approved["checks"]) & set(closed) if approved else set()
    failed = [check for check in closed if check not in released]
    result = "FAILED" if failed else "WARNED" if closed else "PASSED"
    predicate: dict[str, Any] = {
        "result": result,
        "configuration": [
            {"name": name, "digest": {"sha256": digest}}
            for name, digest in configuration.items()
        ],
        "passedTests": [check.id for check in gates.checks if check.passed],
        "warnedTests": sorted(released),
        "failedTests": failed,
        "checks": [check.to_json() for check in gates.checks],
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


def page(statement: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """Return gates.html: one page that needs no other file and no network."""
    checks = statement["predicate"]["checks"]
    gates = [
        (title, [check for check in checks if check["gate"] == gate])
        for gate, title in _TITLES.items()
    ]
    return _template().render(
        gates=gates,
        predicate=statement["predicate"],
        subject=statement["subject"][0],
        manifest=manifest,
    )


@functools.cache  # compiling it takes a tenth of the time of a small file
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("gates.html")
