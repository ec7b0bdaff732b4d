"""Judges a rendered file by dbt's results, guards and Great Expectations."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from publish import render
from publish.gate import dbt, guards, readback, sources, suite
from publish.gate.checks import Check, Gates, GuardContext
from runtime import duck
from runtime.files import HashedFile
from runtime.log import LOG
from store import partner_state
from store.feeds import Feed
from store.feeds.artifacts import Artifacts
from store.records import RunValues
from store.sources import Source

if TYPE_CHECKING:
    from publish.delta import Delta


@dataclass(frozen=True, slots=True)
class Rendered:
    """A file as it was rendered; it is judged and sent under this digest.

    `values` is what its header and trailer records have of the run. `delta` is how a
    file of changes was computed.
    """

    feed: Feed
    split: str | None
    path: Path
    rows: int
    hashed: HashedFile
    values: RunValues | None = None
    delta: Delta | None = None

    @property
    def declared(self) -> Feed:
        """The declaration; `feed` of a file of changes also has their operation."""
        return self.delta.snapshot if self.delta else self.feed

    @property
    def sha256(self) -> str:
        """The digest of the file's content."""
        return self.hashed.sha256

    @property
    def label(self) -> str:
        """Name of the file in the outbox: the feed, and the split value if any."""
        return label(self.feed, self.split)

    def log(self, event: str, seconds: float, **fields: Any) -> None:
        """Log what was done with the file, and how long it took."""
        LOG.info(
            event,
            file=self.label,
            feed=self.feed.name,
            name=self.path.name,
            rows=self.rows,
            seconds=seconds,
            **fields,
        )


def label(feed: Feed, split: str | None) -> str:
    """Name a file by its feed, and the split value if any."""
    return feed.name + (f".{split}" if split else "")


@dataclass(frozen=True, slots=True)
class GateInputs:
    """What a file is judged by, apart from its own bytes.

    Attributes:
        artifacts: dbt's manifest.
        build: the build of the file's tables.
        root: the project root, which has the suites.
        landed: the sources below the file.
        partner_rows: Parquet files of the rows that the partner has; none before the
            first delivery.
        first: whether no file of this feed was delivered yet.
        adopted: split values of which the partner's own file was adopted.
        last_rows: rows of the last file of each split value that had one.
        splits: the split values that get a file now.
        at: the logical time, UTC.
        accept_first: FEEDS_ACCEPT_FIRST.
        inputs_before: `run.inputs` of the last delivery of the feed.
    """

    artifacts: Artifacts
    build: dbt.FileBuild
    root: Path
    landed: list[Source]
    partner_rows: tuple[Path, ...]
    first: bool
    adopted: frozenset[str | None]
    last_rows: Mapping[str | None, int]
    splits: tuple[str | None, ...]
    at: datetime
    accept_first: bool
    inputs_before: list[Mapping[str, Any]] = field(default_factory=list)


def judge(
    connection: duckdb.DuckDBPyConnection,
    inputs: GateInputs,
    file: Rendered,
) -> Gates:
    """Run the checks of all three gates on a rendered file.

    Args:
        connection: from `runtime.duck`.
        inputs: what to judge by.
        file: what to judge.

    Returns:
        Every check in the order of the run. A file that cannot be read back gets no
        further checks.
    """
    feed = file.feed
    expectations = suite.read(inputs.root, feed.suite)
    checks = dbt.run_checks(inputs.build, inputs.artifacts, feed)
    if feed.guards.get("source_complete"):
        checks.append(sources.complete(inputs.landed, inputs.build.began_at))
    if hours := feed.guards.get("max_source_age"):
        checks.append(sources.fresh(inputs.landed, inputs.at, hours))
    checks += sources.clock(inputs.landed)
    checks += sources.custom_fields(inputs.landed, inputs.inputs_before)
    checks.append(readback.header(feed, file.path))
    checks += readback.encodable(connection, feed, file.split)
    widths = readback.widths(connection, feed, file.split)
    checks += widths
    if any(not check.passed for check in widths):
        return Gates(tuple(checks))
    with duck.scratch(connection):
        checks.append(readback.same_rows(connection, feed, file.split, file.path))
        readable = render.is_loaded(connection)
        if readable:
            checks += readback.records(connection, feed, file.path, file.values)
            if file.delta:
                checks.append(file.delta.check(connection))
            checks.extend(_guards(connection, inputs, file))
        if readable and not (file.rows == 0 and feed.when_empty == "skip"):
            checks.extend(suite.run(connection, expectations, feed.key))
    return Gates(tuple(checks))


def _guards(
    connection: duckdb.DuckDBPyConnection, inputs: GateInputs, file: Rendered
) -> list[Check]:
    if inputs.partner_rows:
        held = partner_state.rows(inputs.partner_rows, file.feed.replaces_by)
        held = render.rows(file.feed, file.split, held)
        for view, rows in (
            ("held_rows", held),
            ("partner_rows", partner_state.present("held_rows")),
        ):
            connection.execute(
                f"create or replace temp view {view} as select * from {rows}"
            )
    applied = file.delta.applied(connection) if file.delta else nullcontext()
    with applied as changes:
        return guards.run_guards(
            GuardContext(
                connection, file.declared, file.split, inputs.splits, inputs.at,
                bool(inputs.partner_rows), inputs.last_rows.get(file.split),
                inputs.first and file.split not in inputs.adopted, inputs.accept_first,
                changes,
            )
        )  # fmt: skip
