"""The files in a partner's folder that the ledger does not know.

`publish` looks at the folders before it sends anything, `publish check` lists such
files, and `publish restored` records them after a person has answered.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from publish.deliver.retry import RetryPolicy
from publish.settings import Settings, format_utc
from publish.transport import Connection, Destination, connect
from publish.transport.digests import Sent
from runtime.environment import Environment
from runtime.exits import Refused, Temporary
from runtime.log import LOG
from store import copies
from store.feeds import Feed, file_names
from store.ledger import Ledger, Record


@dataclass(frozen=True, slots=True)
class PartnerFile:
    """A file that the ledger does not know.

    Attributes:
        name: the file.
        split: its split value; "" of a feed with one file.
        logical: the logical time that its name has, UTC; "" if it has none.
        is_newer: whether the name has a later time than all that the ledger knows, or
            a higher number, or is the same name with other bytes.
        is_there: whether it is in the folder, so that it can be read.
        number: the sequence number that its name has; 0 if it has none.
    """

    name: str
    split: str
    logical: str
    is_newer: bool
    is_there: bool = True
    number: int = 0


def pattern(feed: Feed, environment: str) -> re.Pattern[str]:
    """Return what matches the names of a feed's files.

    Its groups are `time`, `split` and `sequence`, where the name has them. Two feeds of
    one destination have no name in common (`store.feeds.collisions`).
    """
    return file_names.expression(feed.travel.file(feed.file), environment)


def unknown(
    connection: Connection,
    feed: Feed,
    ledger: Ledger,
    environment: str,
    also: Sequence[str] = (),
    compare: bool = True,
) -> list[PartnerFile]:
    """List the files of a feed that a partner has and the ledger does not know.

    Args:
        connection: to the folder of the feed.
        feed: only names of its pattern count.
        ledger: knows what was sent, adopted and restored.
        environment: part of the names.
        also: names that the partner has taken.
        compare: whether files that are known by name are compared by size and hash;
            otherwise only one whose name does not change is.
    """
    shape, known = pattern(feed, environment), _known(feed, ledger)
    entries = {
        entry.name: entry
        for entry in connection.entries()
        if shape.fullmatch(entry.name)
    }
    newest, last = "", dict[str, int]()
    for name in known:
        parts = _parts(shape, name)
        newest = max(newest, parts.get("time", ""))
        split = parts.get("split", "")
        last[split] = max(last.get(split, 0), int(parts.get("sequence", 0)))
    files = []
    for name in sorted({*entries, *also}):
        if name in known and name not in also:
            may_differ = compare or feed.repeats_its_name
            if not may_differ or _is_as_sent(connection, name, known[name]):
                continue
        parts = _parts(shape, name)
        time = parts.get("time", "")
        split = parts.get("split", "") if feed.split_by else ""
        number = int(parts.get("sequence", 0))
        is_newer = name in also or name in known or time > newest
        is_newer |= number > last.get(split, number)
        files.append(
            PartnerFile(name, split, _logical(time), is_newer, name in entries, number)
        )
    return files


def _known(feed: Feed, ledger: Ledger) -> dict[str, Record]:
    """Return the last item of each name that the ledger knows; {} for a name alone."""
    known: dict[str, Record] = {}
    for record in ledger.all("intent", "adopted", "restored", feed=feed.name):
        if record["destination"] != feed.destination:
            continue
        if record["event"] == "restored":
            names = [name for some in record["names"].values() for name in some]
            known = {name: {} for name in names} | known
        elif record["event"] == "adopted":
            name = feed.travel.file(record["name"])
            # The record has the digest of the content.
            is_same = record.get("restored") and name == record["name"]
            known[name] = record if is_same else {}
        else:
            outcome = ledger.outcome(record["attempt"]) or {"event": "open"}
            if outcome["event"] != "failed":
                known |= {item["name"]: item for item in record["items"]}
            elif "by" in outcome:
                # A person said that what is there under this name is not ours.
                known |= {item["name"]: {} for item in record["items"]}
    return known


def _parts(shape: re.Pattern[str], name: str) -> dict[str, str]:
    """Return the parts of a name, such as time and split; {} for another name."""
    match = shape.fullmatch(name)
    return match.groupdict("") if match else {}


def _logical(time: str) -> str:
    if not time:
        return ""
    form = "%Y%m%dT%H%M%SZ" if "T" in time else "%Y-%m-%d"
    try:
        return format_utc(datetime.strptime(time, form).replace(tzinfo=UTC))
    except ValueError:
        return ""


def _is_as_sent(connection: Connection, name: str, item: Record) -> bool:
    """Say whether a file has the size, and the hash if offered, that the ledger has."""
    if not item:
        return True
    if connection.size(name) != item["bytes"]:
        return False
    digest = connection.hash(name)
    # None: by another algorithm than the ledger's, so that the size must be enough.
    agrees = digest is None or Sent(item["bytes"], item["sha256"]).agrees(digest)
    return agrees is not False


@dataclass(slots=True)
class PartnerFolders:
    """The folders of the feeds of a run, each looked at once, before anything is sent.

    A ledger that was put back from an older copy does not know the last deliveries.

    Attributes:
        settings: of the command.
        ledger: its lock is held.
        feeds: of the run.
    """

    settings: Settings
    ledger: Ledger
    feeds: Sequence[Feed]
    _looked: set[str] = field(default_factory=set)

    def check(self, feed: Feed) -> None:
        """Check that no partner has newer files than the ledger knows.

        Raises:
            Refused: one has. The data directory then counts as put back from a copy.
            Temporary: the folder of `feed` cannot be listed now.
        """
        more = dict(self._look(feed))
        if more:
            copies.notice(self.settings.place.data, more)
        copies.refuse_copy(self.settings.place.data)

    def _look(self, feed: Feed) -> Iterator[tuple[str, list[str]]]:
        for each in (feed, *self.feeds):
            if each.name in self._looked or not _known(each, self.ledger):
                continue
            names: list[str] = []
            try:
                names = self._newer(each)
            except (Refused, Temporary) as error:
                is_temporary = isinstance(error, Temporary)
                if is_temporary and each is feed:
                    raise
                # Some servers list no folder. What they take is still delivered.
                LOG.warning("no look at the folder", feed=each.name, because=error)
                if is_temporary:
                    continue
            self._looked.add(each.name)
            if names:
                yield each.name, names

    def _newer(self, feed: Feed) -> list[str]:
        policy = RetryPolicy.read(self.settings.variables, feed.destination)
        return policy.run(
            lambda: [
                file.name
                for file in look(
                    self.settings.variables, self.settings.place.environment,
                    self.ledger, feed, compare=False,
                )
                if file.is_newer
            ]
        )  # fmt: skip


def look(
    variables: Environment,
    environment: str,
    ledger: Ledger,
    feed: Feed,
    also: Sequence[str] = (),
    compare: bool = True,
) -> list[PartnerFile]:
    """Open the folder of a feed and list what the ledger does not know; see `unknown`.

    Raises:
        Refused, Temporary: it cannot be looked at.
    """
    destination = Destination.read(variables, feed.destination)
    with closing(connect(destination, feed.folder_in(environment))) as connection:
        return unknown(connection, feed, ledger, environment, also, compare)
