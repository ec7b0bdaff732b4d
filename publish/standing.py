"""Does what was held still stand: would its hard gates open for it now?"""

from publish import bench
from publish.feeds import Feed
from publish.feeds.artifacts import Artifacts
from publish.gate import readback, verdict
from publish.ledger import Record
from publish.package import outbox
from publish.settings import Settings
from runtime.exits import Refused


def check(settings: Settings, artifacts: Artifacts, feed: Feed, held: Record) -> None:
    """Ask dbt's verdict and the read-back again, of the held file, as of now.

    A release means nothing for a file that the mart has left behind: the next run
    would make other bytes, and deliver those or hold them.

    Raises:
        Refused: dbt failed since, or the mart has other rows by now.
        Misuse: there is no warehouse.
        Temporary: dbt is writing it.
    """
    place = settings.place
    path = place.outbox / held["file"] / held["run_id"] / held["name"]
    split = held["file"].removeprefix(feed.name).removeprefix(".") or None
    with (
        outbox.work(place.outbox, feed.name) as work,
        bench.opened(work, place.warehouse, settings.limits) as connection,
    ):
        checks = verdict.ask(connection, artifacts, feed)
        checks.append(readback.header(feed, path))
        with bench.scratch(connection, work / "scratch.duckdb"):
            checks.append(readback.same_rows(connection, feed, split, path))
    for closed in (one for one in checks if not one.passed):
        raise Refused(
            f"{held['name']} cannot be released any more. {closed.id}: {closed.says} "
            "Publish again, and approve what is held then."
        )
