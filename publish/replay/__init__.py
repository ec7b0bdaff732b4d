"""Makes a run again from what it was made of, and compares the two packages.

The package of a run names all of it: the landed Parquet files, the states that partners
held, dbt's variables, the logical time, the code. A data directory of its own links to
the landed files, dbt builds there, and `publish` makes the package again. The data
directory of the run is only read.

The times of dbt and its invocation id are copied from the run. So every file of the new
package is the same, and with them the digest of the package.
"""

import filecmp
from dataclasses import dataclass
from pathlib import Path

from publish.package import signature
from publish.replay import build, workspace
from runtime.environment import DataDirectory, Environment, Limits
from runtime.exits import Refused
from store.ledger import Ledger
from store.package import PRUNED, RECEIPT, Package

# Files that the digest of a package does not cover.
_BESIDE = {signature.NAME, RECEIPT, PRUNED}


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a replay.

    Attributes:
        files: name to whether both packages have the same bytes, the feed first.
        digest: of the new package.
        folder: the new package.
    """

    files: dict[str, bool]
    digest: str
    folder: Path

    @property
    def identical(self) -> bool:
        """Whether every file of the package is the same."""
        return all(self.files.values())


def replay(
    place: DataDirectory, run: Package, root: Path, variables: Environment, work: Path
) -> Replayed:
    """Make a run again and compare every file of its package.

    Args:
        place: the data directory of the run; only read.
        run: the run.
        root: the project whose code is used.
        variables: for DuckDB's limits.
        work: an empty folder.

    Raises:
        Refused: what it was made of is gone or changed, or the code makes no such file.
    """
    limits = Limits.read(variables)
    ledger = Ledger(place.ledger)
    there = workspace.prepare(place, ledger, run, work)
    output = build.dbt(there, root, run, limits)
    build.copy_times(there, run)
    workspace.write_ledger(there, ledger, run)
    try:
        folder = build.publish(there, root, run, limits)
    except Refused as error:
        raise Refused(f"{error} dbt said: {output or 'nothing'}") from None
    again = Package(folder)
    return Replayed(compare(run, again), again.digest, folder)


def compare(run: Package, again: Package) -> dict[str, bool]:
    """Return the names of all files of two packages, and whether each is the same.

    Compressed and encrypted copies are made at a delivery only.
    """
    folders = (run.folder, again.folder)
    names = {path.name for folder in folders for path in folder.iterdir()}
    names -= _BESIDE | run.travelled
    same, _, _ = filecmp.cmpfiles(*folders, names, shallow=False)
    order = sorted(names, key=lambda name: (_rank(name), name))
    return {name: name in same for name in order}


def _rank(name: str) -> int:
    """Sort the feed first, then the other tables, then the other files."""
    if name in ("audit.csv", "changes.csv"):
        return 1
    return 0 if name.endswith(".csv") else 2
