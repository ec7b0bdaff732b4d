"""Lists what prune could remove: packages, landed runs, states and tables of Spark."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from publish.package import signature
from runtime.environment import DataDirectory
from runtime.files import parse_time
from store import build_records, partner_state
from store.ledger import RUN_ENDS, STATE_EVENTS, Ledger, Record
from store.package import BUILT_FROM, PRUNED, RECEIPT, SUMS, Package

Key = tuple[str, str]
# What stays of a package, with its manifest: its proof, some hundred kilobytes.
PROOF = frozenset(
    {
        SUMS,
        signature.NAME,
        RECEIPT,
        PRUNED,
        BUILT_FROM,
        "gates.json",
        "contract.odcs.yaml",
    }
)


@dataclass(frozen=True, slots=True)
class Removable:
    """One package, landed run or delivered state, or the tables of a Spark build.

    Attributes:
        kind: "package", "landing", "state" or "build".
        name: `<file>/<run id>`, `<run id>/<source>`, `<model>/<digest>`, or the id of
            the build.
        path: the folder, or the file of a state.
        group: name of the file, source or model; a group has many items.
        at: when it was made, UTC.
        bytes: that its removal frees.
        needs: keys of the items that a replay of it reads.
    """

    kind: str
    name: str
    path: Path
    group: str
    at: datetime
    bytes: int
    needs: frozenset[Key] = frozenset()

    @property
    def key(self) -> Key:
        """Its kind and name, which no other item has."""
        return self.kind, self.name


def all_of(
    place: DataDirectory, ledger: Ledger, every: Sequence[Package]
) -> list[Removable]:
    """Return every item, oldest first; a pruned package is not an item.

    Args:
        place: the data directory.
        ledger: its ledger.
        every: the packages with tables, with their records.
    """
    items = [
        *_packages(every), *_landed(place), *_states(place, ledger), *_builds(place)
    ]  # fmt: skip
    return sorted(items, key=lambda item: (item.at, item.kind, item.name))


def removable_files(package: Path) -> list[Path]:
    """Return the files of a package that are not part of its proof."""
    return sorted(
        path
        for path in package.iterdir()
        if path.name not in PROOF and not path.name.endswith(".manifest.json")
    )


def _packages(every: Sequence[Package]) -> Iterator[Removable]:
    for package in every:
        files = removable_files(package.folder)
        if not files or not (package.folder / SUMS).is_file():
            continue
        try:
            run, at = package.run, package.logical_time
        except (OSError, ValueError, KeyError, TypeError):
            continue  # it cannot be read, so it is kept
        for record in package.records:
            if record["event"] in ("intent", *RUN_ENDS):
                at = parse_time(record["at"])
        yield Removable(
            "package", package.name, package.folder, package.file, at,
            sum(path.stat().st_size for path in files), frozenset(_needs(run)),
        )  # fmt: skip


def _needs(run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for each in run.get("inputs", ()):
        yield "landing", f"{each['run_id']}/{each['source']}"
    for states in run.get("states", {}).values():
        for each in states:
            yield "state", f"{each['model']}/{each['sha256']}"


def _landed(place: DataDirectory) -> Iterator[Removable]:
    for folder in place.landing.glob("[!.]*/[!.]*"):
        if folder.parent.name == "current" or not folder.is_dir():
            continue
        if (folder / "run.json").exists() or not (folder / "extract.json").exists():
            continue  # unfinished: `extract` resumes or removes it
        run_id = folder.parent.name
        try:
            at = datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            at = _touched(folder)
        size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        name = f"{run_id}/{folder.name}"
        yield Removable("landing", name, folder, folder.name, at, size)


def _states(place: DataDirectory, ledger: Ledger) -> Iterator[Removable]:
    moved = {
        record["state"]["sha256"]: parse_time(record["at"])
        for record in ledger.all("intent", *STATE_EVENTS)
        if record.get("state")
    }
    for path in partner_state.every(place.delivered):
        at = moved.get(path.stem) or _touched(path)
        model = path.parent.name
        size = path.stat().st_size
        yield Removable("state", f"{model}/{path.stem}", path, model, at, size)


def _builds(place: DataDirectory) -> Iterator[Removable]:
    """Yield the tables of each Spark build, also of one that was killed or still runs.

    A build has a folder of tables, a record, or both.
    """
    for id_ in sorted(build_records.begun(place)):
        folder, record = place.spark / id_, place.spark / "builds" / id_
        every = [each for each in (folder, *folder.rglob("*"), record) if each.exists()]
        size = sum(path.stat().st_size for path in every if path.is_file())
        at = max(map(_touched, every))
        yield Removable("build", id_, folder, "spark", at, size)


def _touched(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def needed(
    place: DataDirectory, ledger: Ledger, items: Iterable[Removable]
) -> Mapping[Key, str]:
    """Return the keys of what must stay, each with the first reason for it."""
    reasons: dict[Key, str] = {}
    for key, why in (
        *_in_doubt(ledger),
        *_held(ledger),
        *_with_partners(ledger),
        *_newest(items),
        *_current(place),
        *_built(place),
    ):
        reasons.setdefault(key, why)
    return reasons


def _in_doubt(ledger: Ledger) -> Iterator[tuple[Key, str]]:
    """Yield what a delivery without an end, or with an unknown end, has sent."""
    for intent in ledger.all("intent"):
        ended = ledger.outcome(intent["attempt"])
        if ended is None or ended["event"] == "unknown":
            yield _package(intent), "how its delivery ended is not known yet"
            yield _state(intent), "how its delivery ended is not known yet"


def _held(ledger: Ledger) -> Iterator[tuple[Key, str]]:
    """Yield what a person may release, or has released and was not delivered yet."""
    for record in ledger.newest().values():
        if record["event"] == "held":
            yield _package(record), "it is held, and may be released"
    for record in ledger.approvals().values():
        yield _package(record), "it was released, and not delivered yet"


def _with_partners(ledger: Ledger) -> Iterator[tuple[Key, str]]:
    """Yield the last delivery of each file and of each state, and each state."""
    last: dict[tuple[str, ...], Record] = {}
    for record in ledger.all("delivered"):
        where = (record["destination"], str(record["split"]))
        last["file", *where, record["feed"]] = record
        last["state", *where, record["state"]["model"]] = record
    for record in last.values():
        yield _package(record), "a partner holds it"
    for state in partner_state.current(ledger):
        yield ("state", f"{state.model}/{state.sha256}"), "a partner holds it"


def _newest(items: Iterable[Removable]) -> Iterator[tuple[Key, str]]:
    newest = {item.group: item for item in items if item.kind == "package"}
    for item in newest.values():
        yield (item.kind, item.name), "it is the newest of its file"


def _current(place: DataDirectory) -> Iterator[tuple[Key, str]]:
    for link in (place.landing / "current").glob("*"):
        source = link.resolve()
        name = f"{source.parent.name}/{source.name}"
        yield ("landing", name), "dbt reads it"


def _built(place: DataDirectory) -> Iterator[tuple[Key, str]]:
    record = build_records.newest(place)
    for id_ in record.builds if record else ():
        yield ("build", id_), "the newest build has tables of it"


def _package(record: Record) -> Key:
    return "package", f"{record['file']}/{record['run_id']}"


def _state(record: Record) -> Key:
    return "state", f"{record['state']['model']}/{record['state']['sha256']}"
