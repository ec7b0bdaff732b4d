"""What the commands share that record a person's decision in the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime import failpoints
from runtime.environment import DataDirectory, Environment, operator
from runtime.exits import Misuse
from runtime.files import remove_leftovers
from runtime.lock import directory_lock
from store import feeds
from store.feeds import Feed, artifacts
from store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Operation:
    """One command of a person.

    Attributes:
        variables: the environment.
        place: the data directory.
        by: who runs the command.
        because: why; not blank.
        dry_run: record nothing.
    """

    variables: Environment
    place: DataDirectory
    by: str
    because: str
    dry_run: bool

    @classmethod
    def read(cls, because: str, dry_run: bool) -> "Operation":
        """Read the environment.

        Raises:
            Misuse: the reason is blank.
        """
        if not because.strip():
            raise Misuse("--because: expected a reason, found nothing")
        variables = Environment.read()
        failpoints.arm(variables)
        place = DataDirectory.read(variables)
        return cls(variables, place, operator(variables), because.strip(), dry_run)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Read the ledger, under the lock unless this is a dry run."""
        if self.dry_run:
            yield Ledger(self.place.ledger)
            return
        wait = self.variables.number("FEEDS_LOCK_WAIT", 0)
        with directory_lock(self.place.data, "publish", wait):
            remove_leftovers(self.place.data)
            yield Ledger(self.place.ledger)

    def feed(self, name: str) -> Feed:
        """Return a declared feed.

        Raises:
            Misuse: there is none of this name, or it is declared wrongly.
        """
        project = feeds.declared(artifacts.read(Path.cwd(), self.variables))
        if name in project.errors:
            raise project.refusal(name)
        declared = {feed.name: feed for feed in project.feeds}
        if name not in declared:
            known = ", ".join(declared) or "(none is declared)"
            raise Misuse(f"expected one of the feeds {known}; found {name!r}")
        return declared[name]
