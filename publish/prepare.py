"""Prepares the files of a feed: renders, judges and packs each; delivers nothing."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from publish import delta, gate, package, render, selection, tables
from publish.gate.checks import Check, Gates
from publish.package import changes, manifest, provenance, signature
from publish.selection import NotMade
from publish.sequence import next_number
from publish.settings import Settings, format_utc
from runtime import duck
from runtime.clock import Stopwatch
from runtime.exits import Refused
from runtime.files import HashedFile, sha256_of
from store import copies, outbox, partner_state, sources
from store.feeds import Feed
from store.feeds.artifacts import Artifacts, states_below
from store.ledger import Ledger, Record
from store.package import Package
from store.records import RunValues


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """One file that was judged.

    Attributes:
        file: what was rendered; use the file in `package`, its own path is temporary.
        status: "ready", "held", "skipped" (empty, and that is fine) or "unchanged"
            (the partner has exactly these bytes).
        gates: every check.
        holding: the closed checks that no approval covers.
        run_id: names the run.
        package: the folder in the outbox; None if there was nothing to pack.
        digest: of the package.
        manifest: name of the manifest in the package.
        manifest_hashed: what travels, if the feed delivers the manifest.
        state_sha256: of the rows that the partner will have.
        characters: in the text columns of the file; a reader can compare them.
        changes: `run.changes` of the manifest; None if there was nothing to pack.
        build: id of the build that made the rows; "" for one without a record.
        seconds: of each step: render, judge, package.
    """

    file: gate.Rendered
    status: str
    gates: Gates
    holding: tuple[Check, ...]
    run_id: str
    package: Path | None = None
    digest: str = ""
    manifest: str = ""
    manifest_hashed: HashedFile | None = None
    state_sha256: str = ""
    characters: int = 0
    changes: Mapping[str, Any] | None = None
    build: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)

    def log(self, status: str, seconds: float) -> None:
        """Log how a step of the file ended, and how long all took until then."""
        self.file.log(status, seconds, run_id=self.run_id)


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
        Refused: a source below the feed is not landed, or a table is not built, or is
            not as its contract declares.
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
        tables.open_session(settings, artifacts, feed, work) as connection,
    ):
        chosen = selection.split_values(connection, feed, ledger, settings.at)
        build = gate.dbt.file_build(connection, artifacts, feed)
        states = partner_state.current(ledger, feed.state.model, feed.destination)
        inputs = gate.GateInputs(
            artifacts=artifacts,
            build=build,
            root=settings.root,
            landed=landed,
            partner_rows=partner_state.files(place.delivered, states),
            first=ledger.last_delivered(feed.name, feed.destination) is None,
            adopted=_adopted(ledger, feed),
            # A file of changes is compared with all rows that the partner has.
            last_rows={} if feed.delta else _last_rows(ledger, feed, chosen),
            splits=tuple(chosen),
            at=settings.at,
            accept_first=settings.accept_first,
            inputs_before=_inputs_before(settings, ledger, feed),
        )
        run = provenance.of_run(
            connection, settings.root, settings.variables, build.build, feed, landed
        )
        read = states_below(artifacts, feed.unique_id)
        run |= provenance.compared_states(ledger, feed, read, build.build)
        feed_run = FeedRun(
            settings, ledger, connection, work, inputs, run,
            provenance.built_from(settings.root, artifacts, feed), key,
        )  # fmt: skip
        files: list[PreparedFile | NotMade] = [
            selection.not_made(settings, ledger, feed, split, build.build)
            or feed_run.prepare(feed, split)
            for split in chosen
            if only in (None, gate.label(feed, split))
        ]
        files += selection.of_unknown_period(connection, settings, ledger, feed)
        return files or [*selection.none_open(settings, feed, landed, build)]


def changes_of(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    ledger: Ledger,
    feed: Feed,
) -> delta.Delta:
    """Compute the changes to what the partner has now, for a feed with `delta`."""
    held = changes.PartnerState.find(settings.place, ledger, feed, None)
    return delta.prepare(connection, feed, held.held if held else None)


def _last_file(ledger: Ledger, feed: Feed, split: str | None) -> Record | None:
    """Return the last delivery of the feed, or the file adopted since."""
    where = feed.state.model, feed.destination, split
    for record in reversed(ledger.all("delivered", "adopted")):
        if where != (record["state"]["model"], record["destination"], record["split"]):
            continue
        # Another feed sends other rows of this state, but an adopted file has all.
        is_whole = record["event"] == "adopted" and not record.get("restored")
        if is_whole or record["feed"] == feed.name:
            return record
    return None


def _adopted(ledger: Ledger, feed: Feed) -> frozenset[str | None]:
    """Return the split values of which the partner's own file was adopted."""
    where = feed.state.model, feed.destination
    return frozenset(
        record["split"]
        for record in ledger.all("adopted")
        if (record["state"]["model"], record["destination"]) == where
    )


def _last_rows(
    ledger: Ledger, feed: Feed, chosen: Sequence[str | None]
) -> dict[str | None, int]:
    """Count the rows of the last file of each split value that had one."""
    last = {split: _last_file(ledger, feed, split) for split in chosen}
    return {split: record["rows"] for split, record in last.items() if record}


def _inputs_before(
    settings: Settings, ledger: Ledger, feed: Feed
) -> list[Mapping[str, Any]]:
    """Return `run.inputs` of the last delivery; none if its manifest is not there."""
    last = ledger.last_delivered(feed.name, feed.destination)
    if last is None:
        return []
    try:
        return list(Package.from_record(settings.place.outbox, last).run["inputs"])
    except (OSError, ValueError, KeyError):
        return []


def _travel(feed: Feed, name: str) -> dict[str, Any]:
    """Return what `run` says of how a file travels; {} if it leaves as it is."""
    travel = feed.travel
    declared = {
        "compression": travel.compression,
        "workbook": travel.workbook,
        "encryption": travel.encryption,
    }
    described = {
        key: msgspec.to_builtins(each) for key, each in declared.items() if each
    }
    if described:
        described["travels"] = travel.changed(name)
    if travel.marker:
        content = travel.marker.content
        described["marker"] = {"name": travel.marked(name), "content": content}
    return described


@dataclass(frozen=True, slots=True)
class FeedRun:
    """What the files of one feed share while they are prepared."""

    settings: Settings
    ledger: Ledger
    connection: duckdb.DuckDBPyConnection
    work: Path
    inputs: gate.GateInputs
    run: dict[str, Any]
    built_from: dict[str, str]
    key: Ed25519PrivateKey | None

    def prepare(self, feed: Feed, split: str | None) -> PreparedFile:
        """Render, judge and pack the file of a feed and a split value."""
        watch = Stopwatch()
        environment = self.settings.place.environment
        number = next_number(self.ledger, feed, split, environment)
        name = feed.file_name(self.settings.at, environment, split, number)
        # The file's name has the split value, which DuckDB could read as options of
        # a database.
        folder = Path(tempfile.mkdtemp(dir=self.work)) / "package"
        folder.mkdir()
        values = RunValues(self.settings.at, environment, name, split, number)
        computed = None
        if feed.delta:
            computed = changes_of(self.connection, self.settings, self.ledger, feed)
            feed = computed.feed
        rows = render.feed_file(self.connection, feed, split, folder / name, values)
        hashed = HashedFile.read(folder / name)
        file = gate.Rendered(feed, split, folder / name, rows, hashed, values, computed)
        file.log("rendered", watch.lap("render"))
        gates = gate.judge(self.connection, self.inputs, file)
        file.log("judged", watch.lap("judge"), gates=gates.tally)
        prepared = self._pack(file, gates)
        if prepared.package:
            seconds = watch.lap("package")
            file.log(
                "packed", seconds, run_id=prepared.run_id, package=prepared.package
            )
        prepared.log(prepared.status, sum(watch.seconds.values()))
        build = self.run["dbt"]["invocation_id"] or ""
        return replace(prepared, build=build, seconds=watch.seconds)

    def _pack(self, file: gate.Rendered, gates: Gates) -> PreparedFile:
        feed, place = file.feed, self.settings.place
        approved = self.ledger.approval(file.label, file.sha256)
        holding = gates.closed_despite(approved["checks"] if approved else ())
        before = _last_file(self.ledger, feed, file.split)
        status = "held" if holding else self._status(file, before)
        run_id = outbox.run_id(place.outbox, self.settings.at, file.label, file.sha256)
        if status in ("skipped", "unchanged"):
            state = self._state_without_file(file) if status == "skipped" else ""
            return PreparedFile(
                file, status, gates, holding, run_id, state_sha256=state
            )
        suite = self.settings.root / "tests" / "expectations" / f"{feed.suite}.json"
        run = {
            **self.run,
            "run_id": run_id,
            "feed": feed.name,
            "split": file.split,
            "environment": place.environment,
            "logical_time": self.settings.logical_time,
            "suite_sha256": sha256_of(suite),
            "previous_package": self._previous_package(file),
        }
        if file.delta:
            run["delta"] = msgspec.to_builtins(feed.delta)
            run["contract_sha256"] = provenance.digest_of(manifest.contract(feed))
        run |= _travel(feed, file.path.name)
        if number := file.values and file.values.number:
            run["sequence"] = number
        folder = file.path.parent
        held = changes.PartnerState.find(place, self.ledger, feed, file.split)
        inputs = package.PackageInputs(
            gate.suite.read(self.settings.root, feed.suite),
            gates,
            run,
            self.built_from,
            approved,
            held,
            self.key,
        )
        packed = package.fill(self.connection, folder, file, inputs)
        state = ""
        if status == "ready" and not self.settings.dry_run:
            state = self._write_state(file)
        final = outbox.move_to_outbox(folder, place.outbox / file.label / run_id)
        return PreparedFile(
            file, status, gates, holding, run_id, final, packed.digest,
            packed.manifest, packed.manifest_hashed, state, packed.characters,
            packed.changes,
        )  # fmt: skip

    def _previous_package(self, file: gate.Rendered) -> str | None:
        """Return the digest of the last package that was delivered for the first time.

        A file that was sent again keeps its place in the chain of packages.
        """
        sent = self.ledger.all("delivered", feed=file.feed.name)
        mine = [
            record["package"]
            for record in sent
            if (record["destination"], record["split"])
            == (file.feed.destination, file.split)
            and "resend_of" not in record
        ]
        return mine[-1] if mine else None

    def _state_without_file(self, file: gate.Rendered) -> str:
        """Write the new partner state of an empty delta if keys became former.

        Otherwise RUN_KEY_VANISHED would fail in every run for a key that a person
        released.

        Returns:
            The SHA-256 of the state; empty if it has not changed.
        """
        feed, inputs = file.feed, self.inputs
        if not feed.replaces_by or not inputs.partner_rows or self.settings.dry_run:
            return ""
        held = partner_state.rows(inputs.partner_rows, feed.replaces_by)
        rows = partner_state.present(render.rows(feed, file.split, held))
        lost = f"from {rows} as before where {self._is_unknown(file)}"
        if not duck.value(self.connection, f"select count(*) {lost}"):
            return ""
        return self._write_state(file)

    def _write_state(self, file: gate.Rendered) -> str:
        """Write the rows that the partner will have; return their SHA-256.

        These are the rows of the file, and those of an earlier state whose key is not
        in the file. If the file replaces everything, the latter become former. If it
        replaces by a key, they become former once the source no longer has the key.
        """
        feed, place = file.feed, self.settings.place
        at = partner_state.moment(self.settings.at)
        sent = file.delta.sent if file.delta else render.rows(feed, file.split)
        rows = f"(select *, {at} as _delivered_at, false as _is_former from {sent})"
        if self.inputs.partner_rows:
            held = partner_state.rows(self.inputs.partner_rows, feed.replaces_by)
            former, alias = "true", "t" if file.delta else "before"
            if feed.replaces_by:
                former = f"_is_former is true or {self._is_unknown(file)}"
            elif file.delta:
                former = f"_is_former is true or {file.delta.is_removed()}"
            before = (
                f"(select * replace ({former} as _is_former) "
                f"from {render.rows(feed, file.split, held)} as {alias})"
            )
            rows = partner_state.replaced(before, rows, feed.replaces_by or feed.key)
        columns = duck.columns_of(self.connection, feed.state.sql)
        names = duck.names((*sorted(columns), "_delivered_at", "_is_former"))
        query = f"select {names} from {rows}"
        return partner_state.write(
            self.connection, query, place.delivered, feed.state.model, feed.sort
        )

    def _is_unknown(self, file: gate.Rendered) -> str:
        """Return SQL: whether the source no longer has the key of a row of `before`."""
        feed = file.feed
        known = gate.guards.keys_known(
            self.connection, feed, file.split, self.inputs.splits, feed.replaces_by
        )
        same = " and ".join(
            f"known.{column} is not distinct from before.{column}"
            for column in map(duck.name, feed.replaces_by)
        )
        return f"not exists (select 1 from ({known}) as known where {same})"

    def _status(self, file: gate.Rendered, last: Record | None) -> str:
        """Return the status of a file that no check holds; the same bytes go out once.

        A delta with rows is always sent: `selection.not_made` has checked that it was
        subtracted from what the partner has.
        """
        feed = file.feed
        if file.rows == 0 and feed.when_empty == "skip":
            return "skipped"
        period = format_utc(feed.cadence.last_due(self.settings.at))
        is_empty = bool(file.delta) and file.rows == 0 and not self.settings.redelivery
        if last is None or not feed.is_whole:
            # One file without rows in a period is enough.
            is_sent = is_empty and last is not None and last.get("period") == period
            return "unchanged" if is_sent else "ready"
        if last["sha256"] not in (file.sha256, self._earlier_sha256(file, last)):
            return "ready"
        place = (feed.state.model, feed.destination, file.split)
        if self.settings.redelivery or copies.gap(self.ledger, *place):
            return "ready"
        again = feed.when_unchanged == "send" and last.get("period") != period
        return "ready" if again else "unchanged"

    def _earlier_sha256(self, file: gate.Rendered, last: Record) -> str:
        """Return the digest of the file as the version wrote it that sent the last one.

        A partner gets no file that only has another form. "" if it was this version.
        """
        if "build" in last:  # recorded since there is another form
            return ""
        feed = structs.replace(file.feed, dialect=file.feed.dialect.earlier)
        path = file.path.with_name(".earlier")
        render.feed_file(self.connection, feed, file.split, path)
        try:
            return sha256_of(path)
        finally:
            path.unlink()
