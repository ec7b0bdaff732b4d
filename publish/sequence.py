"""Sequence numbers in names: the next one is known from what was delivered.

A number is taken by the record `intent` of a delivery, and free again if that failed.
So no file that is held, failed or is only tried takes one. Before a file is prepared,
`deliver.recover` has ended every delivery that a crash left open.
"""

from collections.abc import Iterator

from publish.partner_files import pattern
from store.feeds import Feed, file_names
from store.ledger import Ledger


def next_number(
    ledger: Ledger, feed: Feed, split: str | None, environment: str
) -> int | None:
    """Return the number of the next file of a split value; None if names have none.

    It follows every number that the partner has: of deliveries, of adopted files, and
    of files that `publish restored` found.
    """
    if not feed.is_numbered:
        return None
    return (
        max([feed.sequence_from - 1, *_at_partner(ledger, feed, split, environment)])
        + 1
    )


def _at_partner(
    ledger: Ledger, feed: Feed, split: str | None, environment: str
) -> Iterator[int]:
    shapes = (
        pattern(feed, environment),
        file_names.expression(feed.file, environment),
    )
    for record in ledger.all("delivered", "adopted", "restored", feed=feed.name):
        if record["destination"] != feed.destination:
            continue
        names: list[str] = []
        if record["event"] == "restored":
            names = record["names"].get(split or "", [])
        elif record["split"] != split:
            continue
        elif "sequence" in record:
            yield record["sequence"]
        else:
            names = [record["name"]]
        for name in names:
            for match in (shape.fullmatch(name) for shape in shapes):
                if match:
                    yield int(match["sequence"])
