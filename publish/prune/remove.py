"""One piece let go: recorded first, then whole or absent at every moment.

A landed run is renamed out of sight before it is deleted. A package says in
`pruned.json` what it lacks before it lacks anything. Whatever kills the process, the
next `publish prune` finishes.
"""

import json
import shutil
from pathlib import Path

from publish.prune.inventory import Piece, let_go
from runtime.environment import Place
from runtime.failpoints import failpoint
from runtime.files import sync_folder, write_json
from store.ledger import Ledger, Record
from store.outbox import packages
from store.package import PRUNED, Package

_GONE = ".pruned"


def piece(place: Place, ledger: Ledger, piece: Piece, because: str, by: str) -> None:
    """Record that a piece is let go, and do it."""
    record = _recorded(ledger, piece) or ledger.append(
        "pruned",
        kind=piece.kind,
        piece=piece.name,
        bytes=piece.bytes,
        because=because,
        by=by,
        **_of_package(piece),
    )
    if piece.kind == "package":
        _package(piece.path, record)
    elif piece.kind == "landing":
        _landed(place, piece)
    else:
        piece.path.unlink()
        sync_folder(piece.path.parent)


def finish(place: Place) -> int:
    """Finish what a killed process began; return how many pieces."""
    left = [*place.landing.glob(f".*{_GONE}")]
    for folder in left:
        shutil.rmtree(folder)
    for run in place.landing.glob("[!.]*"):
        if run.is_dir() and not any(run.iterdir()):
            run.rmdir()
    begun = 0
    for package in packages(place.outbox):
        if not package.pruned:
            continue
        files = _said(package.folder / PRUNED)
        rest = [path for path in let_go(package.folder) if path.name in files]
        begun += bool(rest)
        for path in rest:
            path.unlink()
    return len(left) + begun


def _recorded(ledger: Ledger, piece: Piece) -> Record | None:
    """Return what a killed process recorded of it before it could do it."""
    for record in ledger.all("pruned")[-1:]:
        if (record["kind"], record["piece"]) == (piece.kind, piece.name):
            return record
    return None


def _of_package(piece: Piece) -> dict[str, str]:
    """Name the run as every other record does, for whoever asks what became of it."""
    if piece.kind != "package":
        return {}
    return {"file": piece.path.parent.name, "run_id": piece.path.name}


def _package(folder: Path, record: Record) -> None:
    files = {path.name for path in let_go(folder)}
    sums = Package(folder).sums
    told = {name: digest for name, digest in sums.items() if name in files}
    fields = ("at", "by", "because")
    said = {**{field: record[field] for field in fields}, "files": told}
    write_json(folder / PRUNED, said)
    failpoint("after-pruned-json")
    for name in sorted(files & told.keys()):
        (folder / name).unlink()
        failpoint("in-prune")
    sync_folder(folder)


def _landed(place: Place, piece: Piece) -> None:
    run, source = piece.path.parent, piece.path.name
    out_of_sight = place.landing / f".{run.name}.{source}{_GONE}"
    piece.path.rename(out_of_sight)
    sync_folder(run)
    failpoint("in-prune")
    shutil.rmtree(out_of_sight)
    if not any(run.iterdir()):
        run.rmdir()


def _said(told: Path) -> frozenset[str]:
    try:
        return frozenset(json.loads(told.read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()
