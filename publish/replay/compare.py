"""Two packages, file by file: the same bytes, or the first line that is not."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from publish.package import provenance
from publish.package.manifest import contract
from runtime.environment import Place
from runtime.exits import Misuse, Refused, Stop
from store import feeds
from store.feeds.artifacts import Artifacts
from store.package import Package

_BEFORE, _AFTER = 40, 120


@dataclass(frozen=True, slots=True)
class Difference:
    """One file of both packages.

    Attributes:
        name: of the file.
        identical: whether every byte is the same.
        expected: SHA-256 in the run's package; None if it is not there.
        found: SHA-256 in the package made again; None if it is not there.
        line: the first line that differs, counted from 1; None if none does.
        was: that line in the run's package, around the first difference.
        is_: that line in the package made again.
    """

    name: str
    identical: bool
    expected: str | None
    found: str | None
    line: int | None = None
    was: str | None = None
    is_: str | None = None


def packages(run: Package, again: Package) -> Iterator[Difference]:
    """Compare what SHA256SUMS covers; the signature and the receipt are beside it."""
    ours, theirs = run.sums, again.sums
    for name in sorted({*ours, *theirs}, key=lambda name: (_rank(name), name)):
        expected, found = ours.get(name), theirs.get(name)
        if expected == found:
            yield Difference(name, True, expected, found)
            continue
        line, was, is_ = (
            _first(run.folder / name, again.folder / name)
            if expected and found
            else (None,) * 3
        )
        yield Difference(name, False, expected, found, line, was, is_)


def reasons(run: Package, again: Package) -> Iterator[str]:
    """Say what the two were made of that is not the same."""
    was, is_ = run.run, again.run
    for field, words in (
        ("contract_sha256", "the contract: columns, types, key, order or dialect"),
        ("suite_sha256", "the suite of expectations"),
        ("guards", "the guards of the exposure"),
        ("lock_sha256", "requirements.lock, hence perhaps the versions of packages"),
    ):
        if was.get(field) != is_.get(field):
            yield f"{words} ({field})"
    for then, now, words in (
        (run.built_from, again.built_from, "what dbt built from"),
        (was["thresholds"], is_["thresholds"], "variables of dbt (thresholds)"),
    ):
        changed = sorted(
            name for name in {*then, *now} if then.get(name) != now.get(name)
        )
        if changed:
            yield f"{words}: {', '.join(changed)}"
    if was["dbt"]["version"] != is_["dbt"]["version"]:
        yield f"dbt: {was['dbt']['version']} then, {is_['dbt']['version']} now"


def _rank(name: str) -> int:
    """The feed first, then the tables beside it, then what tells of them."""
    if name in ("audit.csv", "changes.csv"):
        return 1
    return 0 if name.endswith(".csv") else 2


def _first(run: Path, again: Path) -> tuple[int | None, str | None, str | None]:
    with run.open("rb") as ours, again.open("rb") as theirs:
        for number, (was, is_) in enumerate(zip_longest(ours, theirs), 1):
            if was != is_:
                place = _place(was or b"", is_ or b"")
                return number, _around(was, place), _around(is_, place)
    return None, None, None


def _place(was: bytes, is_: bytes) -> int:
    pairs = enumerate(zip(was, is_, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(was), len(is_)))


def _around(line: bytes | None, place: int) -> str:
    if line is None:
        return "(no such line)"
    text = line.rstrip(b"\r\n")[max(0, place - _BEFORE) : place + _AFTER]
    return text.decode("utf-8", "replace")


_FOLDERS = ("models", "seeds", "snapshots")
_MOST, _LONGEST = 3, 200  # errors of dbt, characters of each


class NotBuiltError(Exception):
    """dbt did not build what the file stands on; the text says what it did instead."""


def changed_since(run: Package, root: Path, target: Path) -> list[str]:
    """Name what of a run is gone or has changed: models, seeds, macros, the contract.

    dbt's manifest tells both. Where dbt did not come to write one, only what has no
    file any more is known.

    Args:
        run: the run.
        root: the project as it is now.
        target: dbt's, of a build of it.
    """
    then = run.built_from
    dbt_manifest = target / "manifest.json"
    if not dbt_manifest.is_file():
        return [f"{name} (gone)" for name in sorted(then) if not _has_file(root, name)]
    found = Artifacts(json.loads(dbt_manifest.read_bytes()), {})
    name = run.run["feed"]
    try:
        feed = next((feed for feed in feeds.read(found) if feed.name == name), None)
    except Misuse as wrong:
        return [f"an exposure ({wrong})"]
    if feed is None:
        return [f"exposure.{name} (gone)"]
    now = provenance.built_from(root, found, feed)
    told = [
        f"{each} ({'changed' if each in now else 'gone'})"
        for each in sorted(then)
        if then[each] != now.get(each)
    ] + [f"{each} (new)" for each in sorted(now.keys() - then)]
    if provenance.digest_of(contract(feed)) != run.run["contract_sha256"]:
        told.append("the contract (columns, types, key, order or dialect)")
    return told


def _has_file(root: Path, name: str) -> bool:
    """Say so of a model or seed; a version may have its number in its file's name."""
    kind, _, stem = name.partition(".")
    return not stem or any(
        file.stem == stem or (kind == "model" and file.stem.startswith(f"{stem}_v"))
        for folder in _FOLDERS
        for file in (root / folder).rglob("*.*")
    )


def dbt_said(target: Path) -> Iterator[str]:
    """Say what dbt said of the first models that it could not build.

    Args:
        target: dbt's.
    """
    results = json.loads((target / "run_results.json").read_bytes())["results"]
    for result in [r for r in results if r["status"] == "error"][:_MOST]:
        name = ".".join(result["unique_id"].split(".")[::2])
        yield f"{name}: {' '.join(str(result['message']).split())[:_LONGEST]}"


def stop(run: Package, root: Path, there: Place, same: bool, why: Exception) -> Stop:
    """Return how a replay ends of which no package comes.

    Args:
        run: the run.
        root: the project as it is now.
        there: the data directory of the replay.
        same: whether its code is that of the run, for all that is known.
        why: what dbt did.
    """
    found = changed_since(run, root, there.data.parent / "target")
    if same and not found:
        return Misuse(f"dbt could not build in {root}, with the code of the run: {why}")
    commit = str(run.run["code_commit"] or "unknown")
    told = ", ".join(found) or "nothing that dbt came to read"
    do = (
        "That code was edited: only where it was kept can it be had again"
        if commit == "unknown" or commit.endswith("-dirty")
        else "Without --here it is used, where git has that commit"
    )
    return Refused(
        f"{run.name} cannot be made again by the code in {root}. "
        f"Changed since the run: {told}. The same bytes can be expected of the code "
        f"that made it alone, {commit}. {do}. In this code {why}"
    )
