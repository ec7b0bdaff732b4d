"""Raw pages on disk: each is whole or absent, and a stored page is not requested."""

import hashlib
import math
import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from extract.source import Page
from extract.strict_json import parse_rows
from runtime.exits import Misuse, Refused
from runtime.files import read_json, write_json
from runtime.log import LOG

# Level 1 costs 1-2 ms a page and shrinks it about tenfold.
_ZSTD = pa.Codec("zstd", compression_level=1)
_SKIPPED = bytes.fromhex("502a4d18")
_SIZE = 8
_HASH = 32

# Pages that are planned at once: a count that is far too high must not cost memory, or
# a request for each of its pages.
_BATCH = 256

Ids: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
# A page that is stored, with the moment at which its reading began.
Stored = tuple[datetime, Path]
FetchPage = Callable[[int], Page]
Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is recorded of a page.

    Attributes:
        rows: how many records it has.
        ids: their ids in order, 64 bits each; none for a list without ids.
        digest: of the ids, or of the page where there are none.
    """

    rows: int
    ids: "array[int]"
    digest: bytes


@dataclass(frozen=True, slots=True)
class Listing:
    """One complete reading of a list.

    Attributes:
        folder: where its pages are.
        count: how many records the source counted before the reading.
        read_at: UTC, when the reading began: what is read is at least that fresh.
        facts: one per page, in order.
        flaw: what shows that the list changed while it was read, or None.
    """

    folder: Path
    count: int
    read_at: datetime
    facts: tuple[Facts, ...]
    flaw: str | None = None

    @property
    def rows(self) -> int:
        """How many records the pages hold."""
        return sum(page.rows for page in self.facts)

    @property
    def ids(self) -> Ids:
        """The ids of all records, in order."""
        return np.concatenate([np.array(page.ids, np.int64) for page in self.facts])

    @property
    def files(self) -> list[Path]:
        """The page files, in order."""
        return [page_path(self.folder, n) for n in range(1, len(self.facts) + 1)]

    @property
    def pages(self) -> list[Stored]:
        """The pages, in order."""
        return [(self.read_at, file) for file in self.files]


class Reader:
    """Reads whole lists over several connections into folders of pages.

    Args:
        pool: its threads are the connections.
        page_size: records that are asked for in one page.
        tick: called once for each page, new or found.
    """

    def __init__(self, pool: ThreadPoolExecutor, page_size: int, tick: Tick) -> None:
        self._pool = pool
        self._page_size = page_size
        self._tick = tick

    def read(
        self, folder: Path, count: Callable[[], int], ask: FetchPage, has_ids: bool
    ) -> Listing:
        """Read a list to its last page; pages already in `folder` are not asked for.

        Args:
            folder: where the pages go.
            count: asks the source how many records there are.
            ask: fetches page n, from 1.
            has_ids: whether records must come in rising order of `Id`.

        Raises:
            Refused: the source sends another order than was asked, or repeats a page
                past the end.
        """
        planned, read_at = _plan(folder, count)
        last = max(1, math.ceil(planned / self._page_size))
        facts: list[Facts] = []
        for first in range(1, last + 1, _BATCH):
            batch = range(first, min(first + _BATCH, last + 1))
            facts += self._fetch(batch, folder, ask, has_ids)
            if not facts[-1].rows:
                break  # the end, however many records were counted
        last = len(facts)
        flaw = None
        # A full page may not be the last, whatever was counted.
        while facts[-1].rows >= self._page_size and not flaw:
            last += 1
            facts += self._fetch([last], folder, _or_the_end(ask), has_ids)
            flaw = _past_the_end(folder, facts, count)
        flaw = flaw or self._flaw(facts)
        return Listing(folder, planned, read_at, tuple(facts), flaw)

    def _flaw(self, facts: Sequence[Facts]) -> str | None:
        filled = [(n, page) for n, page in enumerate(facts, 1) if page.rows]
        for (number, page), (_, following) in pairwise(filled):
            if page.rows != self._page_size:
                return (
                    f"page {number} has {page.rows} of {self._page_size} records, "
                    "and more follow"
                )
            if page.ids and page.ids[-1] >= following.ids[0]:
                return f"record {following.ids[0]} comes again after page {number}"
        return None

    def store(self, folder: Path, numbers: Iterable[int], ask: FetchPage) -> None:
        """Fetch pages that belong to no list, such as single records by id."""
        self._fetch(numbers, folder, ask, has_ids=False)

    def _fetch(
        self, numbers: Iterable[int], folder: Path, ask: FetchPage, has_ids: bool
    ) -> list[Facts]:
        def one(number: int) -> Facts:
            path = page_path(folder, number)
            page, file = _load(path) or (None, b"")
            if page:
                facts = _facts(page, file, path, has_ids)
            else:
                page = ask(number)
                file = packed(page.body)
                facts = _facts(page, file, path, has_ids)
                store_page(path, file)
            self._tick()
            return facts

        futures: list[Future[Facts]] = [self._pool.submit(one, n) for n in numbers]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def _past_the_end(
    folder: Path, facts: Sequence[Facts], count: Callable[[], int]
) -> str | None:
    """Return what is wrong with the last page, which was not planned.

    Raises:
        Refused: it is an earlier page once more, so that the list has no end.
    """
    *earlier, page = facts
    if not page.rows:
        return None
    for number, other in enumerate(earlier, 1):
        if page.digest == other.digest:
            raise Refused(
                f"{folder.parent.name}: expected nothing past the end, found page "
                f"{number} once more as page {len(facts)}. Nothing was landed. The "
                "source repeats a page; ask whoever runs it to send an empty page."
            )
    rows, counted = sum(one.rows for one in facts), count()
    if rows > counted:
        return (
            f"{len(facts)} pages have {rows} records, but the source counts {counted}"
        )
    return None


def _or_the_end(ask: FetchPage) -> FetchPage:
    """Fetch a page that may be past the end; empty or refused, it ends the list."""

    def ask_or_end(number: int) -> Page:
        try:
            return ask(number)
        except Misuse:
            return Page(b"[]", [])

    return ask_or_end


def page_path(folder: Path, number: int) -> Path:
    """The file of page (or record) `number`: sorted names are the order."""
    return folder / f"{number:08d}.json.zst"


def _plan(folder: Path, count: Callable[[], int]) -> tuple[int, datetime]:
    """Count and note the time once, and find both again when a run is resumed."""
    path = folder / "plan.json"
    try:
        plan = read_json(path)
        return int(plan["count"]), datetime.fromisoformat(plan["read_at"])
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        because = f"{error}; the source counts anew"
        LOG.warning("damaged", path=path, because=because)
    now = datetime.now(UTC).replace(microsecond=0)
    planned = count()
    write_json(path, {"count": planned, "read_at": now.isoformat()})
    return planned, now


def packed(body: bytes) -> bytes:
    """Compress a page; a second frame has its size and a hash.

    Readers of zstd skip that frame (RFC 8878 3.1.2).
    """
    frame = bytes(_ZSTD.compress(body, asbytes=True))
    content = len(body).to_bytes(_SIZE, "little")
    content += hashlib.sha256(frame + content).digest()
    return frame + _SKIPPED + len(content).to_bytes(4, "little") + content


def store_page(path: Path, file: bytes) -> None:
    """Write a page that is `packed`, whole or not at all.

    It is not flushed to the disk. What a loss of power leaves of it has another hash,
    so that the page is asked for again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(file)
    part.replace(path)


def read_page(path: Path) -> bytes:
    """Return the page in a file, as it was received.

    Raises:
        ValueError: the file is damaged.
    """
    return _unpacked(path.read_bytes())


def _unpacked(file: bytes) -> bytes:
    content = file[-_SIZE - _HASH :]
    frame = file[: -len(_SKIPPED) - 4 - len(content)]
    if hashlib.sha256(frame + content[:_SIZE]).digest() != content[_SIZE:]:
        raise ValueError("its hash differs")
    size = int.from_bytes(content[:_SIZE], "little")
    return bytes(_ZSTD.decompress(frame, decompressed_size=size, asbytes=True))


def _load(path: Path) -> tuple[Page, bytes] | None:
    """Return a stored page and its file; None where it is absent or damaged."""
    try:
        file = path.read_bytes()
        body = _unpacked(file)
        return Page(body, parse_rows(body)), file
    except FileNotFoundError:
        return None
    except (OSError, ValueError, pa.ArrowException, Refused) as error:
        because = f"{error}; it is fetched anew"
        LOG.warning("damaged", path=path, because=because)
        return None


def _facts(page: Page, file: bytes, path: Path, has_ids: bool) -> Facts:
    ids = array("q", page.ids() if has_ids else ())
    order = np.array(ids, np.int64)
    falls = np.flatnonzero(order[:-1] >= order[1:])
    if falls.size:
        before, after = order[falls[0] :][:2]
        raise Refused(
            f"{path.parent.parent.name}: expected records in rising order of Id, as "
            f"asked, found {after} after {before}. Nothing was landed."
        )
    digest = hashlib.sha256(ids.tobytes()).digest() if ids else file[-_HASH:]
    return Facts(len(page.rows), ids, digest)
