"""The evidence of one run: a folder beside the feed that explains and proves it.

<feed>                  the file itself
audit.csv               every source row with its decision
<feed>.manifest.json    Data Package descriptor: what it is, where it came from
gates.json              every check, observed, allowed, verdict
gates.html              the same for a person
SHA256SUMS              of all of these; `sha256sum -c SHA256SUMS`
receipt.json            after a delivery: what the partner's server said
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from publish.feeds import Feed
from publish.feeds.contract import Column
from publish.gate import Rendered
from publish.gate.checks import Gates
from publish.package import evidence
from publish.package.descriptor import Resource, manifest
from publish.render import HOUSE, table
from runtime.files import sha256_of, write_bytes, write_json

SUMS = "SHA256SUMS"
RECEIPT = "receipt.json"


@dataclass(frozen=True, slots=True)
class Packed:
    """A package: the digest of SHA256SUMS, hence of all of it; the manifest's name."""

    digest: str
    manifest: str


def fill(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    file: Rendered,
    gates: Gates,
    run: Mapping[str, Any],
    approved: Mapping[str, Any] | None,
) -> Packed:
    """Write everything but the feed, which is there already, into `folder`.

    Args:
        connection: from `publish.bench`.
        folder: holds the feed's file; not visible under its final name yet.
        file: the feed's file.
        gates: what was asked of it.
        run: becomes `run` of the manifest.
        approved: the ledger's release of these bytes, if a person gave one.
    """
    feed = file.feed
    resource = Resource(
        feed.name, file.path, file.rows, feed.columns, feed.dialect, feed.key,
        feed.description,
    )  # fmt: skip
    described = manifest(feed, resource, _audit(connection, feed, folder), run)
    beside = folder / f"{file.path.name.removesuffix('.csv')}.manifest.json"
    write_json(beside, described)
    suite = {"contract": run["contract_sha256"], "suite": run["suite_sha256"]}
    said = evidence.statement(gates, file.path.name, file.sha256, suite, approved)
    write_json(folder / "gates.json", said)
    write_bytes(folder / "gates.html", evidence.page(said, described).encode())
    sums = "".join(
        f"{sha256_of(path)}  {path.name}\n" for path in sorted(folder.iterdir())
    )
    write_bytes(folder / SUMS, sums.encode())
    return Packed(hashlib.sha256(sums.encode()).hexdigest(), beside.name)


def _audit(
    connection: duckdb.DuckDBPyConnection, feed: Feed, folder: Path
) -> Resource | None:
    if feed.audit is None:
        return None
    described = connection.execute(f"describe {feed.audit.sql}").fetchall()
    columns = tuple(Column(row[0], row[1].lower(), "") for row in described)
    every = {column.name for column in columns}
    # By key, so that it reads beside the feed.
    order = tuple(name for name in feed.key if name in every)
    path = folder / "audit.csv"
    rows = table(connection, feed.audit.sql, columns, order, HOUSE, path, ties=True)
    return Resource(
        f"{feed.name}-audit", path, rows, columns, HOUSE,
        description="Every source row with its decision and the reasons for it.",
    )  # fmt: skip
