"""What the commands share that record a person's decision in the ledger."""

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from publish import gate
from publish.selection import every_split
from publish.settings import Settings
from runtime import failpoints
from runtime.command import Reason, log_options
from runtime.environment import DataDirectory, Environment, Limits, operator
from runtime.exits import Misuse, Stop
from runtime.files import remove_leftovers
from runtime.lock import directory_lock
from store import feeds, mart
from store.feeds import Feed, artifacts
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger


def decision_options(
    because: str = "Why; for the ledger.",
    dry_run: str = "Say what would be recorded.",
    required: bool = True,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what adds `--because`, `--dry-run` and the log options to a command.

    Args:
        because: help of `--because`.
        dry_run: help of `--dry-run`.
        required: whether `--because` must be given.
    """

    def add(function: Callable[..., None]) -> Callable[..., None]:
        function = log_options(function)
        function = click.option("--dry-run", is_flag=True, help=dry_run)(function)
        return click.option(
            "--because",
            type=Reason(),
            required=required,
            metavar="TEXT",
            help=because,
        )(function)

    return add


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

    def settings(self, at: datetime, bar: bool = False) -> Settings:
        """Return the settings of a delivery at a logical time (UTC)."""
        limits = Limits.read(self.variables)
        return Settings(
            Path.cwd(), self.variables, self.place, limits, at,
            due=False, dry_run=self.dry_run, accept_first=False, bar=bar,
        )  # fmt: skip

    @property
    def artifacts(self) -> Artifacts:
        """What dbt says of the project."""
        return artifacts.read(Path.cwd(), self.variables)

    def feed(self, name: str) -> Feed:
        """Return a declared feed; that of the first destination for an exposure.

        Raises:
            Misuse: there is none of this name, or it is declared wrongly.
        """
        return self.feeds_of(name)[0]

    def feeds_of(self, name: str) -> tuple[Feed, ...]:
        """Return the feeds of an exposure, or the one of NAME@DESTINATION.

        Raises:
            Misuse: there is none of this name, or it is declared wrongly.
        """
        project = feeds.declared(self.artifacts)
        if (exposure := feeds.exposure_of(name)) in project.errors:
            raise project.refusal(exposure)
        if not (named := project.named(name)):
            known = ", ".join(f.name for f in project.feeds) or "(none is declared)"
            raise Misuse(f"expected one of the feeds {known}; found {name!r}")
        return named

    def label(self, feed: Feed, file: str | None, ledger: Ledger) -> str | None:
        """Return the label of a file of a feed, None for the whole feed.

        Raises:
            Misuse: the feed has no such file.
        """
        if file is None or (file in (feed.name, feed.exposure) and not feed.split_by):
            return None
        splits = {str(r["split"]) for r in ledger.all("delivered", feed=feed.name)}
        if feed.split_by:
            try:
                limits = Limits.read(self.variables)
                with mart.find(self.place).open(limits) as connection:
                    splits |= {*every_split(connection, feed)}
            except Stop:
                pass  # without a warehouse, the files of the ledger are known
            labels = sorted(gate.label(feed, split) for split in splits)
            for label in labels:
                if file in (label, label.removeprefix(f"{feed.name}.")):
                    return label
            near = (
                difflib.get_close_matches(f"{feed.name}.{file}", labels) or labels[:3]
            )
            known = ", ".join(near) or "(none is known yet)"
            raise Misuse(
                f"expected a file of {feed.name}, such as {known}; found {file!r}"
            )
        raise Misuse(f"{feed.name} has one file: leave {file!r} out")
