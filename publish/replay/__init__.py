"""A run made again from what it was made of, to see whether the bytes are the same.

Its package names all of it: the landed Parquet files, the states that partners held,
dbt's variables, the logical time, the code. In a data directory of its own, the landed
files are linked, dbt builds, and `publish` packs what it would have packed. Nothing of
the house's own data directory is written to.

What a clock said is taken from the run: dbt's times and the id it gave itself. So a
package made again is the same in every file, and its digest is the digest of all.
"""

from dataclasses import dataclass
from pathlib import Path

from publish.replay import build, compare, workspace
from runtime.environment import Environment, Limits, Place
from store.ledger import Ledger
from store.package import Package


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it.

    Attributes:
        files: every file of the package, the feed first.
        digest: of the package made again; compare with that of the run.
        reasons: what differs in what it was made of.
        folder: the package made again.
    """

    files: tuple[compare.Difference, ...]
    digest: str
    reasons: tuple[str, ...]
    folder: Path

    @property
    def identical(self) -> bool:
        """Say whether every byte of the package is the same."""
        return all(file.identical for file in self.files)


def replay(
    place: Place,
    run: Package,
    root: Path,
    variables: Environment,
    work: Path,
    same: bool,
) -> Replayed:
    """Make a run again and compare every file of its package.

    Args:
        place: the data directory of the run; only read.
        run: the run.
        root: the project whose code is used.
        variables: for DuckDB's limits.
        work: an empty folder.
        same: whether that code is the run's, for all that is known.

    Raises:
        Refused: what it was made of is gone or changed, or makes no file any more.
        Misuse: dbt cannot build at all, though nothing has changed.
    """
    limits = Limits.of(variables)
    ledger = Ledger(place.ledger)
    there = workspace.lay(place, ledger, run, work)
    try:
        build.dbt(there, root, run, limits)
        build.set_clock(there, run)
        workspace.move_on(there, ledger, run)
        folder = build.publish(there, root, run, limits)
    except compare.NotBuiltError as why:
        raise compare.stop(run, root, there, same, why) from None
    again = Package(folder)
    return Replayed(
        tuple(compare.packages(run, again)),
        again.digest,
        tuple(compare.reasons(run, again)),
        folder,
    )
