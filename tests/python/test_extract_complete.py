"""Lists that change while they are read: complete, or refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from extract.complete import Complete, collect
from extract.entities import ORDERTIME, Entity
from extract.pages import Reader
from extract.source import Page, Source
from extract.strict_json import parse_rows
from extract.transport import HttpLimits, Names, Transport
from runtime.environment import Limits
from runtime.exits import Refused, Stop, Temporary
from runtime.http import Proxy

STOCK = ORDERTIME[-1]
LIMITS = Limits("1GB", 1)
SIZE = 10


class Moving(Source):
    """25 stock rows; the fourth is away from page 2 of some readings to their end."""

    name = "ordertime"
    entities = ORDERTIME

    def __init__(self, away: set[int], back_before_count: bool) -> None:
        names = Names("ORDERTIME", "")
        limits = HttpLimits()
        super().__init__(
            Transport("http://localhost", {}, None, limits, names, Proxy()), SIZE
        )
        self.away = away
        self.back_before_count = back_before_count
        self.reading = 0
        self.is_away = False

    def count(self, entity: Entity) -> int:
        if self.back_before_count:
            self.is_away = False
        return 24 if self.is_away else 25

    def page(self, entity: Entity, number: int) -> Page:
        if number == 1:
            self.reading += 1
            self.is_away = False
        rows = [n for n in range(25) if n != 3 or not self.is_away]
        if number == 1:
            self.is_away = self.reading in self.away
        chosen = rows[(number - 1) * SIZE : number * SIZE]
        body = json.dumps(
            [{"ItemRef": {"Id": n}, "LocationRef": {"Id": 1}} for n in chosen]
        ).encode()
        return Page(body, parse_rows(body))


def read(source: Source, folder: Path) -> Complete:
    with ThreadPoolExecutor(1) as pool:
        reader = Reader(pool, SIZE, lambda: None)
        return collect(source, STOCK, folder, reader, LIMITS, lambda listing: None)


@pytest.mark.parametrize("back_before_count", [True, False])
@pytest.mark.parametrize("away", [{1}, {2}, {1, 2}, {1, 3}, {2, 3}])
def test_a_row_that_is_away_during_readings_hides_no_other(
    tmp_path: Path, away: set[int], back_before_count: bool
) -> None:
    try:
        complete = read(Moving(away, back_before_count), tmp_path / "stock")
    except Stop:
        assert away != {1}
    else:
        assert complete.listing.rows == 25


def test_a_row_that_is_away_in_every_reading_is_named_as_a_contradiction(
    tmp_path: Path,
) -> None:
    with pytest.raises(Refused, match="counts 25 records before and 25 after a list"):
        read(Moving({1, 2, 3, 4}, True), tmp_path / "stock")


class Replaced(Moving):
    """25 stock rows in each reading, of which another one is replaced by a new one."""

    def __init__(self, readings: int) -> None:
        super().__init__(set(), False)
        self.replaced = readings

    def page(self, entity: Entity, number: int) -> Page:
        page = super().page(entity, number)
        if number == 1 and self.reading <= self.replaced:
            body = page.body.replace(b'"Id": 3}', b'"Id": 10%d}' % self.reading)
            return Page(body, parse_rows(body))
        return page


def test_two_readings_of_as_many_other_records_are_not_the_same(tmp_path: Path) -> None:
    complete = read(Replaced(2), tmp_path / "stock")
    assert (complete.rounds, complete.listing.folder.name) == (3, "read-4")
    with pytest.raises(Temporary, match="kept changing"):
        read(Replaced(9), tmp_path / "again")


class Shrinking(Moving):
    """A row leaves the first page while it is read, each time."""

    def __init__(self) -> None:
        super().__init__(set(), False)

    def count(self, entity: Entity) -> int:
        return 25 - self.reading

    def page(self, entity: Entity, number: int) -> Page:
        page = super().page(entity, number)
        body = page.body.replace(
            b'{"ItemRef": {"Id": 0}, "LocationRef": {"Id": 1}}, ', b""
        )
        return Page(body, parse_rows(body))


def test_a_list_that_shrinks_is_no_contradiction(tmp_path: Path) -> None:
    """Each reading has the same flaw, but the source counts fewer each time."""
    with pytest.raises(Temporary, match="kept changing"):
        read(Shrinking(), tmp_path / "stock")
