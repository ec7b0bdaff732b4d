"""One source, copied: every list read completely, landed, and made current at once."""

import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from extract.complete import Complete, Unsettled, collect
from extract.custom_fields import custom_fields
from extract.entities import Entity
from extract.landing import Landed, land
from extract.pages import Listing, Reader, Stored
from extract.runs import CLOCK, Run, agreement_of, begin, finish
from extract.source import Source
from extract.transport import RequestCounts
from runtime import formats
from runtime.environment import DataDirectory, Environment, Limits
from runtime.exits import Refused
from runtime.log import LOG


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run reads from the environment beside the source's own variables."""

    place: DataDirectory
    limits: Limits
    connections: int
    resume_within: timedelta
    keep_pages: bool
    wait_for_lock: float

    @classmethod
    def read(cls, variables: Environment) -> "Settings":
        """Read FEEDS_CONNECTIONS (4), _RESUME_MINUTES (120), _KEEP_PAGES, ..."""
        return cls(
            DataDirectory.read(variables),
            Limits.read(variables),
            variables.count("FEEDS_CONNECTIONS", 4, 1, 64),
            timedelta(minutes=variables.number("FEEDS_RESUME_MINUTES", 120)),
            variables.flag("FEEDS_KEEP_PAGES"),
            variables.number("FEEDS_LOCK_WAIT", 0),
        )


class Progress:
    """Counts pages, and shows them on a terminal."""

    def __init__(self, name: str, shown: bool) -> None:
        self.pages = 0
        self._lock = threading.Lock()
        self._bar = tqdm(disable=not shown, unit=" pages", desc=name)
        self._logs = logging_redirect_tqdm([LOG.logger]) if shown else nullcontext()

    def __enter__(self) -> "Progress":
        self._logs.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()
        self._logs.__exit__(None, None, None)

    def show(self, label: str) -> None:
        """Name what is being read."""
        self._bar.set_postfix_str(label)

    def tick(self) -> None:
        """Count one page; called by several threads."""
        with self._lock:
            self.pages += 1
            self._bar.update()


def copy(
    source: Source,
    entities: Sequence[Entity],
    settings: Settings,
    full: bool,
    progress: bool,
) -> dict[str, Any]:
    """Copy lists of one source; the lock must be held.

    Args:
        source: where from.
        entities: which lists. Only if these are all of the source does the run
            become current.
        settings: limits, folders and connections.
        full: begin anew even if an unfinished run could go on.
        progress: show a bar on stderr.

    Returns:
        What extract.json says, and the run's `folder`.

    Raises:
        Refused, Temporary, Misuse: see `complete`, `landing` and `transport`; what
            was current stays current.
    """
    began = time.monotonic()
    landing = settings.place.landing
    agreement = agreement_of(
        source.transport.base, source.page_size, [entity.name for entity in entities]
    )
    this = begin(
        *(landing, source.name, agreement, settings.resume_within),
        anew=full,
        keep_pages=settings.keep_pages,
    )
    with Progress(source.name, progress) as bar:
        landed = _copy_lists(source, entities, this, settings, bar)
    result = describe(
        this, source.name, source.transport.base, settings, source.transport.counts
    )
    result |= {
        "pages": bar.pages,
        "seconds": round(time.monotonic() - began, 3),
        "entities": landed,
    }
    if tuple(entities) == source.entities:
        finish(this, source.name, result, landing, settings.keep_pages)
    else:
        result["status"] = "for a look"
    log_end(result)
    return {**result, "folder": str(this.folder)}


def describe(
    this: Run, source: str, address: str, settings: Settings, counts: RequestCounts
) -> dict[str, Any]:
    """Return what extract.json says of a run, apart from its lists."""
    return {
        "format": formats.VERSIONS["extract"],
        "run_id": this.run_id,
        "source": source,
        "status": "complete",
        "environment": settings.place.environment,
        "address": address,
        "started_at": f"{this.started_at:{CLOCK}}",
        "finished_at": f"{datetime.now(UTC):{CLOCK}}",
        "resumed": this.resumed,
        "source_clock": counts.source_clock and f"{counts.source_clock:{CLOCK}}",
        "clock_ahead_seconds": counts.clock_ahead,
        "certificate_ends": counts.certificate_ends
        and f"{counts.certificate_ends:{CLOCK}}",
        "requests": counts.requests,
        "retries": counts.retries,
        "bytes_received": counts.bytes,
    }


def log_end(result: Mapping[str, Any]) -> None:
    """Log the end of a run."""
    LOG.info(
        "extracted",
        run_id=result["run_id"],
        source=result["source"],
        rows=sum(entry["rows"] for entry in result["entities"].values()),
        pages=result["pages"],
        seconds=result["seconds"],
    )


# The pages of a reading whose keys are still compared; none if all is decided.
Arrived = SimpleQueue[list[Stored]]


@dataclass(frozen=True, slots=True)
class _List:
    """A list that is read: its first reading, and the complete list."""

    entity: Entity
    arrived: Arrived
    complete: Future[Complete]


@contextmanager
def fresh_if_refused(pages: Path) -> Iterator[None]:
    """Remove the pages of a list that did not become complete.

    A run that goes on would read the same pages again, and end in the same way, even
    if the source is right by then.
    """
    try:
        yield
    except (Refused, Unsettled):
        shutil.rmtree(pages, ignore_errors=True)
        raise


def _copy_lists(
    source: Source,
    entities: Sequence[Entity],
    this: Run,
    settings: Settings,
    bar: Progress,
) -> dict[str, Any]:
    """Read one list after the other; land each while its keys are compared."""
    reading = ThreadPoolExecutor(1)
    lists: list[_List] = []
    try:
        for entity in entities:
            arrived: Arrived = SimpleQueue()
            complete = reading.submit(
                _collect, source, entity, this, settings, bar, arrived
            )
            lists.append(_List(entity, arrived, complete))
        return {each.entity.name: _land(each, this, settings) for each in lists}
    except BaseException:
        source.transport.end()  # threads must not retry after the run has ended
        raise
    finally:
        reading.shutdown(wait=True, cancel_futures=True)


def _collect(
    source: Source,
    entity: Entity,
    this: Run,
    settings: Settings,
    bar: Progress,
    arrived: Arrived,
) -> Complete:
    bar.show(entity.label)
    source.transport.start_list()
    folder = this.pages / entity.name
    pool = ThreadPoolExecutor(settings.connections)

    def follow(listing: Listing) -> None:
        arrived.put(listing.pages)

    try:
        with fresh_if_refused(folder):
            reader = Reader(pool, source.page_size, bar.tick)
            return collect(source, entity, folder, reader, settings.limits, follow)
    except BaseException:
        source.transport.end()
        raise
    finally:
        arrived.put([])
        pool.shutdown(wait=True, cancel_futures=True)


def _land(this_list: _List, this: Run, settings: Settings) -> dict[str, Any]:
    began = time.monotonic()
    entity, reading = this_list.entity, this_list.complete.result
    fields = (
        custom_fields(Path("models"), entity.source, entity.name)
        if entity.custom_fields
        else {}
    )
    target = this.folder / f"{entity.name}.parquet"
    with fresh_if_refused(this.pages / entity.name):
        table = land(
            entity,
            this_list.arrived.get(),
            reading,
            target,
            this.run_id,
            fields,
            settings.limits,
        )
    report_drift(entity, table)
    log_landed(entity, this, table, began)
    return _entry(reading(), table, target)


def log_landed(entity: Entity, this: Run, table: Landed, began: float) -> None:
    """Log that a list was landed; `began` is of time.monotonic."""
    LOG.info(
        "landed",
        run_id=this.run_id,
        entity=entity.full_name,
        rows=table.rows,
        bytes=table.bytes,
        seconds=time.monotonic() - began,
    )


def _entry(complete: Complete, landed: Landed, target: Path) -> dict[str, Any]:
    return {
        "file": target.name,
        "count_before": complete.listing.count,
        "count_after": complete.count_after,
        "pages": len(complete.listing.facts),
        "rounds": complete.rounds,
        "fetched_by_id": len(complete.by_id),
        "gone_while_reading": len(complete.removed),
        "read_at": f"{complete.listing.read_at:{CLOCK}}",
        **asdict(landed),
    }


def report_drift(entity: Entity, landed: Landed) -> None:
    """Log the fields that nobody declared, and custom fields that no record has."""
    if landed.unrecognised:
        LOG.warning(
            "drift",
            entity=entity.full_name,
            columns=list(landed.unrecognised),
            because="fields we do not know are kept in _unrecognised",
        )
    if landed.unmatched:
        LOG.info(
            "drift",
            entity=entity.full_name,
            columns=list(landed.unmatched),
            because="no record has the custom field; its column is empty",
        )
