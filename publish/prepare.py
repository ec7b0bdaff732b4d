"""A feed made ready: every file of it rendered, judged and packed; nothing leaves."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from publish import bench, gate, outbox, package, provenance, render, sources, state
from publish.artifacts import Artifacts
from publish.checks import Check, Gates
from publish.feeds import Feed
from publish.ledger import Ledger
from publish.settings import Settings
from runtime.command import LOG
from runtime.files import sha256_of


@dataclass(frozen=True, slots=True)
class Ready:
    """One file that was judged.

    Attributes:
        file: what was rendered; its path may be gone, `package` has the file.
        bytes: size of the file.
        status: "ready", "held", "skipped" (empty, and that is fine) or "unchanged"
            (the partner has exactly these bytes).
        gates: every check.
        holding: the closed checks that no approval covers.
        run_id: names the run.
        package: the folder in the outbox; None if there was nothing to pack.
        digest: of the package.
        manifest: name of the manifest in the package.
        state: digest of the rows that the partner will hold.
    """

    file: gate.Rendered
    bytes: int
    status: str
    gates: Gates
    holding: tuple[Check, ...]
    run_id: str
    package: Path | None = None
    digest: str = ""
    manifest: str = ""
    state: str = ""


def prepare(
    settings: Settings, artifacts: Artifacts, ledger: Ledger, feed: Feed
) -> list[Ready]:
    """Render, judge and pack every file of a feed.

    Raises:
        Misuse: warehouse, suite or name are wrong.
        Temporary: dbt is writing the warehouse.
    """
    place = settings.place
    landed = sources.read(place.landing, artifacts, feed.unique_id)
    with (
        outbox.work(place.outbox, feed.name) as work,
        bench.opened(work, place.warehouse, settings.limits) as connection,
    ):
        case = gate.Case(
            artifacts=artifacts,
            root=settings.root,
            landed=landed,
            held=state.held(feed, place.delivered),
            first=ledger.last_delivered(feed.name, feed.destination) is None,
            at=settings.at,
            accept_first=settings.accept_first,
            limits=settings.limits,
        )
        about = provenance.of_run(
            connection, settings.root, settings.variables, artifacts, feed, landed
        )
        return [
            _Bench(settings, ledger, connection, work, case, about).ready(feed, split)
            for split in _splits(connection, feed)
        ]


@dataclass(frozen=True, slots=True)
class _Bench:
    """What the files of one feed share while they are made."""

    settings: Settings
    ledger: Ledger
    connection: duckdb.DuckDBPyConnection
    work: Path
    case: gate.Case
    about: dict[str, Any]

    def ready(self, feed: Feed, split: str | None) -> Ready:
        began = time.monotonic()
        name = feed.file_name(self.settings.at, self.settings.place.environment, split)
        folder = self.work / name / "package"
        folder.mkdir(parents=True)
        rows = render.feed_file(self.connection, feed, split, folder / name)
        file = gate.Rendered(feed, split, folder / name, rows, sha256_of(folder / name))
        _tell("rendered", name, began, f"rows={rows}")
        scratch = folder.with_name("scratch.duckdb")
        gates = gate.judge(self.connection, self.case, file, scratch)
        _tell("judged", name, began, f"gates={gates.tally}")
        made = self._pack(file, gates)
        _tell(made.status, name, began, f"package={made.package}")
        return made

    def _pack(self, file: gate.Rendered, gates: Gates) -> Ready:
        feed, place = file.feed, self.settings.place
        approved = self.ledger.approval(feed.name, file.sha256)
        holding = gates.closed_despite(approved["checks"] if approved else ())
        last = self.ledger.last_delivered(feed.name, feed.destination, file.split)
        status = "held" if holding else _status(file, last["sha256"] if last else "")
        run_id = outbox.run_id(self.settings, file.label, file.sha256)
        size = file.path.stat().st_size
        if status in ("skipped", "unchanged"):
            return Ready(file, size, status, gates, holding, run_id)
        suite = self.settings.root / "tests" / "expectations" / f"{feed.suite}.json"
        about = {
            **self.about,
            "run_id": run_id,
            "feed": feed.name,
            "split": file.split,
            "environment": place.environment,
            "logical_time": self.settings.logical_time,
            "suite_sha256": sha256_of(suite),
            "previous_package": last["package"] if last else None,
        }
        folder = file.path.parent
        packed = package.fill(self.connection, folder, file, gates, about, approved)
        kept = ""
        if status == "ready" and not self.settings.dry_run:
            kept = state.keep(self.connection, feed, file.split, place.delivered)
        final = outbox.admit(folder, place.outbox / file.label / run_id)
        return Ready(
            file, size, status, gates, holding, run_id, final, packed.digest,
            packed.manifest, kept,
        )  # fmt: skip


def _status(file: gate.Rendered, delivered: str) -> str:
    """Say what an open gate leads to; a file is sent once, until another was sent."""
    if file.rows == 0 and file.feed.when_empty == "skip":
        return "skipped"
    return "unchanged" if file.sha256 == delivered else "ready"


def _splits(connection: duckdb.DuckDBPyConnection, feed: Feed) -> list[str | None]:
    if feed.split_by is None:
        return [None]
    column = bench.name(feed.split_by)
    rows = connection.execute(
        f"select distinct cast({column} as varchar) from {feed.model.sql} order by 1"
    ).fetchall()
    return [row[0] for row in rows]


def _tell(event: str, name: str, began: float, more: str) -> None:
    LOG.info(f"{event} file={name} {more} seconds={time.monotonic() - began:.1f}")
