"""Fills the package of one run: the feed, and the files that explain and prove it.

<feed>                  the file itself
audit.csv               every source row with its decision
changes.csv             what differs from what the partner holds
<feed>.manifest.json    Data Package descriptor: what it is, where it came from
built_from.json         digest of every model and seed below the file, and the macros
contract.odcs.yaml      the promise to the partner, as a data contract
gates.json              every check: what was observed, what is allowed, the result
gates.html              the same for a person
verify.py               checks all of it, offline
SHA256SUMS              of all of these; `sha256sum -c SHA256SUMS`
SHA256SUMS.sig          Ed25519 over SHA256SUMS, if there is a key to sign with
receipt.json            after a delivery: what the partner's server answered
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from publish.gate import Rendered
from publish.gate.checks import Gates
from publish.package import (
    changes,
    data_contract,
    gates_report,
    reading,
    signature,
    unencodable,
)
from publish.package.changes import PartnerState
from publish.package.manifest import Resource, build_manifest
from publish.render import records_of, rows, table
from runtime.files import HashedFile, sha256_of, write_bytes, write_json
from store.dialect import RFC_4180
from store.feeds import Column, Feed
from store.feeds.travel import manifest_name
from store.package import BUILT_FROM, SUMS

VERIFIER = Path(__file__).with_name("verify.py")


@dataclass(frozen=True, slots=True)
class PackageInputs:
    """What a package needs apart from the bytes of the file.

    Attributes:
        suite: the expectations of the feed.
        gates: every check of the file.
        run: becomes `run` of the manifest.
        built_from: digests of what dbt built from, by name.
        approved: the ledger's release of these bytes, if a person gave one.
        partner_state: what the partner has; None before the first delivery.
        key: signs the package, if there is one.
    """

    suite: Sequence[Mapping[str, Any]]
    gates: Gates
    run: Mapping[str, Any]
    built_from: Mapping[str, str]
    approved: Mapping[str, Any] | None
    partner_state: PartnerState | None
    key: Ed25519PrivateKey | None


@dataclass(frozen=True, slots=True)
class PackedFile:
    """The digest of SHA256SUMS, hence of the package, and figures of its manifest.

    `changes` is its `run.changes`.
    """

    digest: str
    manifest: str
    manifest_hashed: HashedFile
    characters: int
    changes: Mapping[str, Any]


def fill(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    file: Rendered,
    inputs: PackageInputs,
) -> PackedFile:
    """Write every file of a package but the feed into `folder`.

    Args:
        connection: from `runtime.duck`.
        folder: has the feed's file; nobody reads it yet.
        file: the feed's file.
        inputs: what else the package needs.
    """
    feed, run = file.feed, inputs.run
    changed, summary = changes.write(
        connection, file, inputs.partner_state, run["contract_sha256"], folder
    )
    audit = _audit(connection, file, folder)
    tables = {**({"audit": audit} if audit else {}), "changes": changed}
    characters, risks = reading.measure(connection, file)
    resource = Resource(
        feed.exposure, file.path, file.rows, feed.columns, feed.dialect, file.sha256,
        feed.key, feed.description, characters, risks,
        _unencodable(feed, inputs.gates), _records(connection, file),
    )  # fmt: skip
    manifest = build_manifest(feed, resource, tables, {**run, "changes": summary})
    name = manifest_name(file.path.name)
    write_json(folder / name, manifest)
    manifest_hashed = HashedFile.read(folder / name)
    write_json(folder / BUILT_FROM, inputs.built_from)
    configuration = {"contract": run["contract_sha256"], "suite": run["suite_sha256"]}
    statement = gates_report.statement(
        inputs.gates, file.path.name, file.sha256, configuration, inputs.approved
    )
    write_json(folder / "gates.json", statement)
    write_bytes(folder / "gates.html", gates_report.page(statement, manifest).encode())
    contract = data_contract.document(
        feed, file.path.name, run["environment"], run["contract_sha256"],
        inputs.suite,
    )  # fmt: skip
    write_bytes(folder / data_contract.NAME, data_contract.text(contract))
    write_bytes(folder / VERIFIER.name, VERIFIER.read_bytes())
    # The large files are hashed once.
    known = {table.path.name: table.sha256 for table in (resource, *tables.values())}
    known[name] = manifest_hashed.sha256
    sums = "".join(
        f"{known.get(path.name) or sha256_of(path)}  {path.name}\n"
        for path in sorted(folder.iterdir())
    ).encode()
    write_bytes(folder / SUMS, sums)
    if inputs.key:
        write_bytes(folder / signature.NAME, signature.sign(inputs.key, sums))
    digest = hashlib.sha256(sums).hexdigest()
    return PackedFile(digest, name, manifest_hashed, characters, summary)


def _unencodable(feed: Feed, gates: Gates) -> Mapping[str, Any] | None:
    """Return how many values and characters the encoding lacked, if it lacks any."""
    for check in gates.checks:
        if check.id == "RUN_ENCODING":
            return {
                "values": check.count,
                "characters": check.observed,
                "written": feed.dialect.unencodable,
                "first": list(check.examples),
            }
    return None


def _records(
    connection: duckdb.DuckDBPyConnection, file: Rendered
) -> Mapping[str, Sequence[str]] | None:
    """Return the header and trailer records of the file, if it has some."""
    if not file.feed.dialect.records:
        return None
    source = rows(file.feed, file.split)
    lines = records_of(connection, file.feed, source, file.values).lines
    return dict(zip(("header", "trailer"), map(list, lines), strict=True))


def _audit(
    connection: duckdb.DuckDBPyConnection, file: Rendered, folder: Path
) -> Resource | None:
    feed = file.feed
    if feed.audit is None:
        return None
    source = feed.audit.sql
    types = connection.execute(f"describe {source}").fetchall()
    columns = tuple(
        Column(row[0], row[1].lower(), "")
        for row in types
        if row[0] not in feed.audit_omit
    )
    written = {column.name for column in columns}
    # Sorted by key, as the feed.
    order = tuple(name for name in feed.key if name in written)
    named = unencodable.by_key(connection, feed, file.split, order)
    if named and unencodable.NAME not in written:
        source = unencodable.added_to(source, named, order, "output" in written)
        columns = (*columns, unencodable.column(feed.dialect))
    path = folder / "audit.csv"
    count = table(connection, source, columns, order, RFC_4180, path, ties=True)
    return Resource(
        f"{feed.exposure}-audit", path, count, columns, RFC_4180, sha256_of(path),
        description="Every source row with its decision and the reasons for it.",
    )  # fmt: skip
