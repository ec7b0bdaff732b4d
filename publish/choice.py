"""Which feeds a run takes: those named, or all of which the company has the source."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from publish import feeds, sources
from publish.feeds import Feed
from publish.feeds.artifacts import Artifacts
from publish.ledger import Ledger
from runtime.exits import Misuse


@dataclass(frozen=True, slots=True)
class Choice:
    """What a run takes, and what it leaves out, with the reason by name."""

    feeds: tuple[Feed, ...]
    left_out: dict[str, str]


def choose(
    artifacts: Artifacts, names: Sequence[str], landing: Path, ledger: Ledger
) -> Choice:
    """Choose the feeds with these names, or all if none is given.

    A company may use one source and not another. A feed that nobody named is left out
    if a source of it was never landed here and the ledger never heard of it; one that
    the ledger knows has lost its source, and will say so.

    Raises:
        Misuse: a name is not declared, or nothing at all was landed.
    """
    declared = {feed.name: feed for feed in feeds.read(artifacts)}
    for name in names:
        if name not in declared:
            known = ", ".join(declared) or "(none is declared)"
            feed, _, value = name.partition(".")
            # So a file of one term is called in the summary.
            hint = f". Its terms go together: `publish {feed}`" if value else ""
            raise Misuse(
                f"expected one of the files {known}; found {name!r}"
                + (hint if feed in declared else "")
            )
    if names:
        return Choice(tuple(declared[name] for name in declared if name in names), {})
    heard = {record.get("feed") for record in ledger.all()}
    left_out = {
        feed.name: f"nothing of {' and '.join(missing)} was ever landed here"
        for feed in declared.values()
        if (missing := sources.absent(landing, artifacts, feed.unique_id))
        and feed.name not in heard
    }
    if left_out and len(left_out) == len(declared):
        raise Misuse(
            f"expected a landed source in {landing / 'current'}, found none. Run "
            "`extract`, then `dbt build`, or set FEEDS_DATA to the data directory "
            "that they wrote to."
        )
    taken = tuple(feed for name, feed in declared.items() if name not in left_out)
    return Choice(taken, left_out)
