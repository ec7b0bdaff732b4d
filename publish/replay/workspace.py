"""Makes the data directory of a replay: links to what the run was made of.

Every file is checked first, and linked rather than copied.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from runtime.environment import DataDirectory
from runtime.exits import Refused
from runtime.files import relink, sha256_of
from store import partner_state
from store.ledger import START, Ledger, Record
from store.package import BUILT_FROM, RECEIPT, Package
from store.partner_state import State

_NEEDED = ("inputs", "states", "ledger", "thresholds")


def require(run: Package) -> None:
    """Check that a package names all that a replay needs.

    Raises:
        Refused: an earlier version of the project made it.
    """
    lacking = [f"`run.{field}`" for field in _NEEDED if field not in run.run]
    lacking += [BUILT_FROM] if BUILT_FROM not in run.sums else []
    if lacking:
        raise Refused(
            f"{run.folder}: expected {lacking[0]}, found none: an earlier version made "
            "it, and did not record all that a replay needs."
        )


def states_of(run: Package) -> frozenset[tuple[str, str]]:
    """Return the partner states that a run compared with, as (model, SHA-256)."""
    kinds = run.run["states"].values()
    return frozenset((s["model"], s["sha256"]) for kind in kinds for s in kind)


def prepare(
    place: DataDirectory, ledger: Ledger, run: Package, work: Path
) -> DataDirectory:
    """Make a data directory as it was when dbt built for the run; return it.

    Args:
        place: the data directory of the run; only read. Its engine builds again, by
            default DuckDB, whichever engine made the run.
        ledger: of that directory.
        run: what to make again.
        work: an empty folder.

    Raises:
        Refused: a landed file or a state is gone or changed, or the ledger lacks
            records that the package counted.
    """
    engine = place.engine or "duckdb"
    there = DataDirectory(run.run["environment"], work / "data", engine)
    _check(place, run)
    for source, landed in sorted(
        {(each["source"], each["run_id"]) for each in run.run["inputs"]}
    ):
        link = there.landing / landed / source
        _link(link, place.landing / landed / source)
        relink(there.landing / "current" / source, f"../{landed}/{source}")
    for model, digest in states_of(run):
        _link(
            partner_state.path_of(there.delivered, model, digest),
            partner_state.path_of(place.delivered, model, digest),
        )
    _take_number(there, run)
    _link_manifest(place, there, ledger, run)
    built = _recorded(run, "built")
    there.ledger.write_bytes(b"".join(_lines(map(_record, built))))
    return there


def write_ledger(there: DataDirectory, ledger: Ledger, run: Package) -> None:
    """Write the records that the file was judged by, after dbt built.

    Raises:
        Refused: they do not give the states that the package lists.
    """
    there.ledger.write_bytes(b"".join(_lines(_before(ledger, run))))
    held = _recorded(run, "held")
    models = {state.model for state in held}
    current = partner_state.current(Ledger(there.ledger))
    given = [state for state in current if state.model in models]
    if {*held} != {*given}:
        raise Refused(
            f"expected the partner states {held}, which the manifest in {run.folder} "
            f"lists; the ledger gives {given}. Was the ledger restored from an older "
            "copy?"
        )


def _recorded(run: Package, kind: str) -> list[State]:
    """Return the states of a package, as dbt built (`built`) or at the gates (`held`).

    Earlier versions recorded a name of destination and split value.
    """
    return [
        State(each["model"], *_place(each), each["sha256"])
        for each in run.run["states"][kind]
    ]


def _place(state: Mapping[str, str]) -> tuple[str, str]:
    if "name" in state:
        destination, _, split = state["name"].removesuffix(".parquet").partition(".")
        return destination, split
    return state["destination"], state["split"]


def _record(state: State) -> Record:
    return {
        "event": "delivered",
        "destination": state.destination,
        "split": state.split,
        "state": {"model": state.model, "sha256": state.sha256},
    }


def _check(place: DataDirectory, run: Package) -> None:
    """Check that every file that the run was made of is unchanged.

    Raises:
        Refused: names the files that are gone or changed.
    """
    missing, changed = [], []
    for path, digest in _needed(place, run):
        if not path.is_file():
            missing.append(str(path))
        elif digest and sha256_of(path) != digest:
            changed.append(str(path))
    if missing:
        raise Refused(
            f"{run.name} cannot be made again: expected what it was made of, "
            f"found no {', no '.join(missing)}. Was it pruned? Restore it from a copy."
        )
    if changed:
        raise Refused(
            f"{run.name} is not made again: expected what it was "
            f"made of, found other bytes in {', '.join(changed)}. The manifest has the "
            "digests; restore the files from a copy."
        )


def _needed(place: DataDirectory, run: Package) -> Iterator[tuple[Path, str | None]]:
    folders = set()
    for each in run.run["inputs"]:
        folder = place.landing / str(each["run_id"]) / each["source"]
        folders.add(folder)
        yield folder / f"{each['entity']}.parquet", each["sha256"]
    for folder in sorted(folders):
        yield folder / "extract.json", None
    for model, digest in sorted(states_of(run)):
        yield partner_state.path_of(place.delivered, model, digest), digest


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target.resolve())


def _take_number(there: DataDirectory, run: Package) -> None:
    """Make the run get the number in its id, if it was delivered more than once."""
    base, number = run.run_id, 1
    if base.count("-") == 2:
        base, _, text = base.rpartition("-")
        number = int(text)
    for earlier in range(1, number):
        name = base if earlier == 1 else f"{base}-{earlier}"
        receipt = there.outbox / run.file / name / RECEIPT
        receipt.parent.mkdir(parents=True)
        receipt.touch()


def _link_manifest(
    place: DataDirectory, there: DataDirectory, ledger: Ledger, run: Package
) -> None:
    """Link the manifest of the last delivery of each file.

    A guard compares with its inputs, and it names its build.
    """
    sent = {
        record["file"]: record
        for record in _before(ledger, run)
        if record["event"] == "delivered"
    }
    for file, record in sent.items():
        folder = Package.from_record(place.outbox, record).folder
        for path in folder.glob("*.manifest.json"):
            _link(there.outbox / file / folder.name / path.name, path)


def _before(ledger: Ledger, run: Package) -> Iterator[Record]:
    """Yield the records of this feed and its state from before the run.

    Raises:
        Refused: the ledger has fewer than the package counted.
    """
    feed, left = run.run["feed"], run.run["ledger"]["settled"]
    models = {s["model"] for s in run.run["states"]["held"]}
    settling = ("delivered", "nothing", "adopted")
    for record in ledger.all("approved", "held", "intent", *settling):
        state = record.get("state") or {}
        if record.get("feed") != feed and state.get("model") not in models:
            continue
        if record.get("package") == run.digest:
            break  # its own record: what follows is newer
        if record["event"] in settling:
            if not left:
                break
            left -= 1
            yield record
        elif record["event"] == "approved":
            yield record
    if left:
        raise Refused(
            f"expected {run.run['ledger']['settled']} settled files in the ledger "
            f"before {run.folder}, found {left} fewer. Restore it from a copy."
        )


def _lines(records: Iterable[Record]) -> Iterator[bytes]:
    """Write records as a chain, as `store.chain` does."""
    last = START
    for record in records:
        chained: Mapping[str, object] = {**record, "previous": last}
        text = json.dumps(chained, ensure_ascii=False, sort_keys=True, default=str)
        line = text.encode() + b"\n"
        last = hashlib.sha256(line).hexdigest()
        yield line
