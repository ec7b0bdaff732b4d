"""Why a run is not made again: what it was built from that is not the same by now.

Where a package comes of it, the two manifests tell that; see `compare`. Here none did:
dbt could not build, or not all that the file stands on.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from publish import feeds
from publish.feeds.artifacts import Artifacts
from publish.package import descriptor, provenance
from publish.replay.recorded import Recorded
from runtime.environment import Place
from runtime.exits import Misuse, Refused, Stop

_FOLDERS = ("models", "seeds", "snapshots")
_MOST, _LONGEST = 3, 200  # errors of dbt, characters of each


class NotBuiltError(Exception):
    """dbt did not build what the file stands on; the text says what it did instead."""


def since(run: Recorded, root: Path, target: Path) -> list[str]:
    """Name what of a run is gone or has changed: models, seeds, macros, the contract.

    dbt's manifest tells both. Where dbt did not come to write one, only what has no
    file any more is known.

    Args:
        run: the run.
        root: the project as it is now.
        target: dbt's, of a build of it.
    """
    then = run.built_from
    manifest = target / "manifest.json"
    if not manifest.is_file():
        return [f"{name} (gone)" for name in sorted(then) if not _has_file(root, name)]
    found = Artifacts(json.loads(manifest.read_bytes()), {})
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
    if provenance.digest_of(descriptor.contract(feed)) != run.run["contract_sha256"]:
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


def stop(run: Recorded, root: Path, there: Place, same: bool, why: Exception) -> Stop:
    """Return how a replay ends of which no package comes.

    Args:
        run: the run.
        root: the project as it is now.
        there: the data directory of the replay.
        same: whether its code is that of the run, for all that is known.
        why: what dbt did.
    """
    found = since(run, root, there.data.parent / "target")
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
        f"{run.label}/{run.folder.name} cannot be made again by the code in {root}. "
        f"Changed since the run: {told}. The same bytes can be expected of the code "
        f"that made it alone, {commit}. {do}. In this code {why}"
    )
