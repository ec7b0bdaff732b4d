"""A feed made ready: every file of it rendered, judged and packed; nothing leaves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from publish import gate, package, render, selection
from publish.gate.checks import Check, Gates
from publish.package import changes, provenance, signature
from publish.selection import NotMade
from publish.settings import Settings, stamp
from runtime import duck
from runtime.clock import Stopwatch
from runtime.command import LOG
from runtime.exits import Refused
from runtime.files import sha256_of
from store import outbox, partner_state, sources
from store.feeds import Feed, Relation
from store.feeds.artifacts import Artifacts, states_below
from store.ledger import Ledger, Record


class NotInWarehouseError(Refused):
    """dbt has not built all tables that a file stands on; `models` names them."""

    def __init__(self, warehouse: Path, models: Sequence[str]) -> None:
        self.models = models
        super().__init__(
            f"expected {' and '.join(models)} in {warehouse}, found no such table: "
            "`dbt build` has not made it. Run it, and see what it says."
        )


@dataclass(frozen=True, slots=True)
class PreparedFile:
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
        seconds: how long its steps took, by name: render, judge, package.
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
    seconds: Mapping[str, float] = field(default_factory=dict)


def prepare(
    settings: Settings,
    artifacts: Artifacts,
    ledger: Ledger,
    feed: Feed,
    only: str | None = None,
) -> list[PreparedFile | NotMade]:
    """Render, judge and pack every file of a feed, or the one with the label `only`.

    Raises:
        Misuse: warehouse, suite or name are wrong.
        Refused: a source below the feed is not landed, or a table is not built.
        Temporary: dbt is writing the warehouse.
    """
    place = settings.place
    if missing := sources.absent(place.landing, feed.sources):
        words = " ".join(missing)
        raise Refused(
            f"expected an extract of {' and '.join(missing)} in "
            f"{place.landing / 'current'}, found none. Run `extract {words}`, then "
            "`dbt build`."
        )
    landed = sources.read(place.landing, feed.sources)
    key = signature.key(settings.variables)
    with (
        outbox.work(place.outbox, feed.name) as work,
        duck.open_session(settings.limits, work, place.warehouse) as connection,
    ):
        if missing := lacking(connection, feed.tables):
            raise NotInWarehouseError(place.warehouse, missing)
        chosen = selection.split_values(connection, feed, ledger, settings.at)
        case = gate.GateInputs(
            artifacts=artifacts,
            root=settings.root,
            landed=landed,
            held=tuple(partner_state.linked(place.delivered, feed.state.model)),
            first=ledger.last_delivered(feed.name, feed.destination) is None,
            last_rows=_last_rows(ledger, feed, chosen),
            splits=tuple(chosen),
            at=settings.at,
            accept_first=settings.accept_first,
            limits=settings.limits,
        )
        about = provenance.of_run(
            connection, settings.root, settings.variables, artifacts, feed, landed
        )
        built = gate.built_at(connection)
        read = states_below(artifacts, feed.unique_id)
        about |= provenance.compared_states(ledger, feed, read, built)
        made = FeedRun(
            settings, ledger, connection, work, case, about,
            provenance.built_from(settings.root, artifacts, feed), key,
        )  # fmt: skip
        return [
            selection.not_made(settings, ledger, feed, split, built)
            or made.ready(feed, split)
            for split in chosen
            if only in (None, gate.label(feed, split))
        ] or [*selection.none_open(settings, feed, landed)]


def _last_rows(
    ledger: Ledger, feed: Feed, chosen: Sequence[str | None]
) -> dict[str | None, int]:
    """Count the rows of the last file of each split value that had one."""
    last = {
        split: ledger.last_delivered(feed.name, feed.destination, split)
        for split in chosen
    }
    return {split: record["rows"] for split, record in last.items() if record}


@dataclass(frozen=True, slots=True)
class FeedRun:
    """What the files of one feed share while they are made."""

    settings: Settings
    ledger: Ledger
    connection: duckdb.DuckDBPyConnection
    work: Path
    case: gate.GateInputs
    about: dict[str, Any]
    built_from: dict[str, str]
    key: Ed25519PrivateKey | None

    def ready(self, feed: Feed, split: str | None) -> PreparedFile:
        """Render, judge and pack the file of a feed and a split value."""
        watch = Stopwatch()
        name = feed.file_name(self.settings.at, self.settings.place.environment, split)
        folder = self.work / name / "package"
        folder.mkdir(parents=True)
        rows = render.feed_file(self.connection, feed, split, folder / name)
        file = gate.Rendered(feed, split, folder / name, rows, sha256_of(folder / name))
        _tell("rendered", name, watch.lap("render"), f"rows={rows}")
        scratch = folder.with_name("scratch.duckdb")
        gates = gate.judge(self.connection, self.case, file, scratch)
        _tell("judged", name, watch.lap("judge"), f"gates={gates.tally}")
        made = self._pack(file, gates)
        if made.package:
            _tell("packed", name, watch.lap("package"), f"package={made.package}")
        LOG.info(f"{made.status} file={name}")
        return replace(made, seconds=watch.seconds)

    def _pack(self, file: gate.Rendered, gates: Gates) -> PreparedFile:
        feed, place = file.feed, self.settings.place
        approved = self.ledger.approval(file.label, file.sha256)
        holding = gates.closed_despite(approved["checks"] if approved else ())
        last = self.ledger.last_delivered(feed.name, feed.destination, file.split)
        status = "held" if holding else self._status(file, last)
        run_id = outbox.run_id(place.outbox, self.settings.at, file.label, file.sha256)
        size = file.path.stat().st_size
        if status in ("skipped", "unchanged"):
            kept = self._moved_on(file) if status == "skipped" else ""
            return PreparedFile(file, size, status, gates, holding, run_id, state=kept)
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
        held_by = self.ledger.last_state(feed.state.model, feed.destination, file.split)
        held = changes.PartnerState.of(place, feed, held_by)
        account = package.PackageInputs(
            self.case, gates, about, self.built_from, approved, held, self.key
        )
        packed = package.fill(self.connection, folder, file, account)
        kept = ""
        if status == "ready" and not self.settings.dry_run:
            kept = self._write_state(file)
        final = outbox.admit(folder, place.outbox / file.label / run_id)
        return PreparedFile(
            file, size, status, gates, holding, run_id, final, packed.digest,
            packed.manifest, kept,
        )  # fmt: skip

    def _moved_on(self, file: gate.Rendered) -> str:
        """Keep the state anew if it lost keys, which no row of a delta could say.

        They were let go: another file carries them, or a person said so. Else they
        would be missed every night, or, come back, be taken for told already.
        """
        feed, case = file.feed, self.case
        if feed.state == feed.model or not case.held or self.settings.dry_run:
            return ""
        # No row differs, so that only rows of lost keys can be too many.
        held = render.rows(feed, file.split, duck.parquet(case.held))
        now = render.rows(feed, file.split, feed.state.sql)
        count = "(select count(*) from {})".format
        query = f"select {count(held)} <> {count(now)}"
        if not duck.value(self.connection, query):
            return ""
        return self._write_state(file)

    def _write_state(self, file: gate.Rendered) -> str:
        """Write the rows that the partner will have; return their SHA-256."""
        feed = file.feed
        rows = render.rows(feed, file.split, feed.state.sql)
        order = duck.names(feed.sort) if feed.state == feed.model else "all"
        return partner_state.write(
            self.connection, f"select * from {rows} order by {order}",
            self.settings.place.delivered, feed.state.model,
        )  # fmt: skip

    def _status(self, file: gate.Rendered, last: Record | None) -> str:
        """Say what an open gate leads to; the same bytes are sent once.

        A delta is news whenever it has rows: `pass_over` has seen to it that the
        state it was subtracted from is what the partner holds.
        """
        feed = file.feed
        if file.rows == 0 and feed.when_empty == "skip":
            return "skipped"
        if last is None or last["sha256"] != file.sha256 or feed.state != feed.model:
            return "ready"
        if self.settings.again:
            return "ready"
        period = stamp(feed.cadence.last_due(self.settings.at))
        again = feed.when_unchanged == "send" and last["period"] != period
        return "ready" if again else "unchanged"


def _tell(event: str, name: str, seconds: float, more: str) -> None:
    LOG.info(f"{event} file={name} {more} seconds={seconds:.1f}")


def lacking(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[Relation]
) -> list[str]:
    """Return the models whose tables the warehouse does not hold."""
    found = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = 'warehouse'"
    ).fetchall()
    return sorted(t.model for t in tables if (t.schema, t.name) not in found)
