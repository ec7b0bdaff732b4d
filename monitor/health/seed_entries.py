"""Count the entries of the seeds that match no record of the source."""

from collections.abc import Iterator

import msgspec

from monitor.context import Context
from monitor.findings import EXAMPLES, CheckResult, Finding
from store import answers


class SeedEntries(msgspec.Struct, frozen=True):
    """The entries of a seed, as the last build compared them with the source.

    Attributes:
        seed, source: their names.
        is_forbidding: the list keeps records from the partner.
        matched, unmatched: the entries that match a record, and the others.
    """

    seed: str
    source: str
    is_forbidding: bool
    matched: list[str]
    unmatched: list[str]


def read(context: Context) -> list[SeedEntries]:
    """Read the model seed_entries; a warehouse of an earlier version has none."""
    rows = context.ask(answers.SEED_ENTRIES) or ()
    return [SeedEntries(**row) for row in rows]


def check(context: Context) -> CheckResult:
    """Count unmatched entries; those of a list that forbids are a finding."""
    if not context.mart.exists:
        return CheckResult()  # The check of the build reports it.
    lists = [each for each in read(context) if context.landed_if_readable(each.source)]
    facts = {
        each.seed: {
            "entries": len(each.matched) + len(each.unmatched),
            "unmatched": len(each.unmatched),
            "examples": each.unmatched[:EXAMPLES],
        }
        for each in lists
    }
    return CheckResult({"seeds": facts}, tuple(_findings(lists)))


def _findings(lists: list[SeedEntries]) -> Iterator[Finding]:
    for each in lists:
        if each.is_forbidding and each.unmatched:
            total = len(each.matched) + len(each.unmatched)
            yield Finding(
                "SEED_UNMATCHED", each.seed,
                f"{each.seed} keeps records from the partner, and "
                f"{len(each.unmatched)} of its {total} entries match no record",
                examples=tuple(each.unmatched[:EXAMPLES]),
            )  # fmt: skip
