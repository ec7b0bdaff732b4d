"""A feed made ready: every file of it rendered, judged and packed; nothing leaves."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from publish import bench, gate, overview, package, render, sources, splits
from publish.feeds import Feed
from publish.feeds.artifacts import Artifacts
from publish.gate.checks import Check, Gates
from publish.ledger import Ledger, Record, state
from publish.package import changes, outbox, provenance, signature
from publish.settings import Settings, stamp
from runtime.command import LOG
from runtime.exits import Misuse
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


@dataclass(frozen=True, slots=True)
class Passed:
    """One file that was not made: it is not due, superseded, or cannot be made.

    Attributes:
        label: names the file, as `gate.Rendered.label` does.
        status: "not due", "waiting", "superseded" or "refused".
        says: why, as a sentence.
        code: exit code.
    """

    label: str
    status: str
    says: str
    code: int = 0


def prepare(
    settings: Settings, artifacts: Artifacts, ledger: Ledger, feed: Feed
) -> list[Ready | Passed]:
    """Render, judge and pack every file of a feed.

    Raises:
        Misuse: warehouse, suite or name are wrong.
        Temporary: dbt is writing the warehouse.
    """
    place = settings.place
    landed = sources.read(place.landing, artifacts, feed.unique_id)
    key = signature.key(settings.variables)
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
        made = _Bench(settings, ledger, connection, work, case, about, key)
        return [
            made.pass_over(feed, split) or made.ready(feed, split)
            for split in splits.of(connection, feed, ledger, settings.at)
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
    key: Ed25519PrivateKey | None

    def pass_over(self, feed: Feed, split: str | None) -> Passed | None:
        """Say why a file need not, or cannot, be made."""
        label = gate.label(feed, split)
        at = self.settings.at
        if self.settings.due and not overview.due_for(feed, self.ledger, at, split):
            period = stamp(feed.cadence.last_due(at))
            return Passed(label, "not due", f"settled since {period} already")
        try:
            feed.file_name(at, self.settings.place.environment, split)
        except Misuse as error:
            # One bad value must not keep the files of the others from leaving.
            return Passed(label, "refused", str(error), 1)
        if feed.state == feed.model:
            return None
        last = self.ledger.last_state(feed.state.model, feed.destination, split)
        today = last is not None and last["logical"][:10] == f"{at:%Y-%m-%d}"
        if last and today and "{timestamp}" not in feed.file:
            # It would take the name of one that may not have been fetched yet, and a
            # reader could not tell which of the day's files is the newer one.
            return Passed(
                label,
                "waiting",
                f"{last['name']} went out today; what has changed since follows in "
                "the file of another day",
            )
        built = gate.built_at(self.connection)
        if last and built and stamp(built) <= last["at"]:
            # A difference to what was held before the last delivery is no news.
            return Passed(
                label,
                "superseded",
                f"dbt built before {last['name']} was delivered; `dbt build` shows "
                "what has changed since",
            )
        return None

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
        status = "held" if holding else self._status(file, last)
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
        held_by = self.ledger.last_state(feed.state.model, feed.destination, file.split)
        held = changes.Held.of(place, feed, held_by)
        account = package.Account(self.case, gates, about, approved, held, self.key)
        packed = package.fill(self.connection, folder, file, account)
        kept = ""
        if status == "ready" and not self.settings.dry_run:
            kept = state.keep(self.connection, feed, file.split, place.delivered)
        final = outbox.admit(folder, place.outbox / file.label / run_id)
        return Ready(
            file, size, status, gates, holding, run_id, final, packed.digest,
            packed.manifest, kept,
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


def _tell(event: str, name: str, began: float, more: str) -> None:
    LOG.info(f"{event} file={name} {more} seconds={time.monotonic() - began:.1f}")
