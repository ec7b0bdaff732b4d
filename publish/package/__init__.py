"""The evidence of one run: a folder beside the feed that explains and proves it.

<feed>                  the file itself
audit.csv               every source row with its decision
changes.csv             what differs from what the partner holds
<feed>.manifest.json    Data Package descriptor: what it is, where it came from
built_from.json         digest of every model and seed below the file, and the macros
contract.odcs.yaml      what the partner was promised, as a data contract
gates.json              every check, observed, allowed, verdict
gates.html              the same for a person
openlineage.jsonl       the run as events for a data catalogue
verify.py               checks all of it, offline
SHA256SUMS              of all of these; `sha256sum -c SHA256SUMS`
SHA256SUMS.sig          Ed25519 over SHA256SUMS, if there is a key to sign with
receipt.json            after a delivery: what the partner's server said
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from publish.gate import GateInputs, Rendered, suite
from publish.gate.checks import Gates
from publish.package import changes, data_contract, gates_report, lineage, signature
from publish.package.changes import PartnerState
from publish.package.manifest import Resource, build_manifest
from publish.render import table
from runtime.duck import value
from runtime.files import sha256_of, write_bytes, write_json
from store.dialect import RFC_4180
from store.feeds import Column, Feed
from store.package import BUILT_FROM, SUMS

VERIFIER = Path(__file__).with_name("verify.py")


@dataclass(frozen=True, slots=True)
class PackageInputs:
    """What is known of a file beside its bytes.

    Attributes:
        case: what it was judged by.
        gates: what was asked of it.
        run: becomes `run` of the manifest.
        built_from: what dbt built from, by name. It is long, and no partner's business.
        approved: the ledger's release of these bytes, if a person gave one.
        held: what the partner holds; None before the first delivery.
        key: signs the package, if there is one.
    """

    case: GateInputs
    gates: Gates
    run: Mapping[str, Any]
    built_from: Mapping[str, str]
    approved: Mapping[str, Any] | None
    held: PartnerState | None
    key: Ed25519PrivateKey | None


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A package: the digest of SHA256SUMS, hence of all of it; the manifest's name."""

    digest: str
    manifest: str


def fill(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    file: Rendered,
    account: PackageInputs,
) -> PackedFile:
    """Write everything but the feed, which is there already, into `folder`.

    Args:
        connection: from `runtime.duck`.
        folder: holds the feed's file; not visible under its final name yet.
        file: the feed's file.
        account: what is told of it.
    """
    feed, run = file.feed, account.run
    changed, summary = changes.write(
        connection, file, account.held, run["contract_sha256"], folder
    )
    audit = _audit(connection, feed, folder)
    beside = {**({"audit": audit} if audit else {}), "changes": changed}
    resource = Resource(
        feed.name, file.path, file.rows, feed.columns, feed.dialect, file.sha256,
        feed.key, feed.description,
    )  # fmt: skip
    described = build_manifest(feed, resource, beside, {**run, "changes": summary})
    name = f"{file.path.name.removesuffix('.csv')}.manifest.json"
    write_json(folder / name, described)
    write_json(folder / BUILT_FROM, account.built_from)
    decided = {"contract": run["contract_sha256"], "suite": run["suite_sha256"]}
    said = gates_report.statement(
        account.gates, file.path.name, file.sha256, decided, account.approved
    )
    write_json(folder / "gates.json", said)
    write_bytes(folder / "gates.html", gates_report.page(said, described).encode())
    _for_catalogues(connection, folder, file, account)
    write_bytes(folder / VERIFIER.name, VERIFIER.read_bytes())
    # The large files are hashed once.
    known = {table.path.name: table.sha256 for table in (resource, *beside.values())}
    sums = "".join(
        f"{known.get(path.name) or sha256_of(path)}  {path.name}\n"
        for path in sorted(folder.iterdir())
    ).encode()
    write_bytes(folder / SUMS, sums)
    if account.key:
        write_bytes(folder / signature.NAME, signature.sign(account.key, sums))
    return PackedFile(hashlib.sha256(sums).hexdigest(), name)


def _for_catalogues(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    file: Rendered,
    account: PackageInputs,
) -> None:
    """Write the agreement and the lineage in the words of their standards."""
    feed, run, case = file.feed, account.run, account.case
    agreed = data_contract.document(
        feed, run["environment"], run["contract_sha256"],
        suite.read(case.root, feed.suite),
    )  # fmt: skip
    write_bytes(folder / data_contract.NAME, data_contract.text(agreed))
    released = account.approved["checks"] if account.approved else ()
    counted = value(connection, f"select count(*) from {feed.model.sql}")
    story = lineage.Story(
        feed=feed,
        artifacts=case.artifacts,
        landed=case.landed,
        run=run,
        file={
            "name": file.path.name,
            "bytes": file.path.stat().st_size,
            "rows": file.rows,
            "sha256": file.sha256,
        },
        mart_rows=int(str(counted)),
        gates=account.gates,
        failed=bool(account.gates.closed_despite(released)),
    )
    write_bytes(folder / lineage.NAME, lineage.text(story))


def _audit(
    connection: duckdb.DuckDBPyConnection, feed: Feed, folder: Path
) -> Resource | None:
    if feed.audit is None:
        return None
    described = connection.execute(f"describe {feed.audit.sql}").fetchall()
    columns = tuple(
        Column(row[0], row[1].lower(), "")
        for row in described
        if row[0] not in feed.audit_omit
    )
    every = {column.name for column in columns}
    # By key, so that it reads beside the feed.
    order = tuple(name for name in feed.key if name in every)
    path = folder / "audit.csv"
    rows = table(connection, feed.audit.sql, columns, order, RFC_4180, path, ties=True)
    return Resource(
        f"{feed.name}-audit", path, rows, columns, RFC_4180, sha256_of(path),
        description="Every source row with its decision and the reasons for it.",
    )  # fmt: skip
