"""What is right for every file: its rows, and what must become of it on a night."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from order_consumer import Consumer, Row, in_order
from order_expected import expected, instant, shown

from histories.nights import Project
from histories.reader import PartsReader
from histories.source import BEGINNING, DAY, Source
from histories.truth import Key, Part, Parts, exceeds, order_holds

INVENTORY = "onpart_inventory"
DELTA, FULL = "order_feed_delta_file", "order_feed_full_file"
MONDAY = BEGINNING + 2 * DAY
HOUR = dt.timedelta(hours=1)


@dataclass
class Built:
    """What is right for the files of one build.

    Attributes:
        parts: the inventory.
        orders: the rows of each term.
        restated: those of `orders` whose order vanished: its last rows, as deleted.
        whole: whether the build came to its end.
        waiting, every: the orders of each term that are in review, and all.
    """

    parts: Parts
    orders: dict[str, list[Row]]
    restated: dict[str, list[Row]]
    whole: bool
    waiting: Counter[str] = field(default_factory=Counter)
    every: Counter[str] = field(default_factory=Counter)


class Right:
    """Both sources, what the readers must have, and what each file must be.

    Attributes:
        held: by term, what the reader of orders must have.
        former: orders that a person released though no file has them.
        settled: by file, when it was last due and done.
        day: by term, the day of its last file.
        full_rows: by term, the rows of its last full file.
        confirmed: by key of the inventory, what people confirmed, by column.
        holds: until when a person holds a feed, or its file of one term, by both.
        built: what is right for the last build.
    """

    def __init__(
        self,
        project: Project,
        source: Source,
        counts: Counter[str],
        note: Callable[[str], object],
    ) -> None:
        """Start with readers that have nothing.

        Args:
            project: with an empty data directory.
            source: of both feeds.
            counts: what happened how often.
            note: takes lines that explain a failure.
        """
        self.project, self.source = project, source
        self.counts, self.note = counts, note
        self.parts, self.consumer = PartsReader(), Consumer()
        self.held: dict[str, list[Row]] = {}
        self.former: set[str | None] = set()
        self.settled: dict[str, str] = {}
        self.day: dict[str, dt.date] = {}
        self.full_rows: dict[str, int] = {}
        self.confirmed: dict[Key, Part] = {}
        self.holds: dict[tuple[str, str | None], str] = {}
        self.built = Built(Parts({}, {}, {}, {}), {}, {}, whole=False)

    # ------------------------------------------------------------- rows of each file
    def right_build(self, whole: bool) -> Built:
        """Return what is right for a build of the sources as they are now."""
        orders = self.source.orders.values()
        restated = {
            term: [
                {**row, "is_deleted": "true"}
                for row in self.held.get(term, [])
                if self.is_gone(int(row["order_id"] or 0), term)
            ]
            for term in self.source.terms
        }
        rows = {
            term: in_order(
                [*restated[term]]
                + [
                    row
                    for order in orders
                    if order["sis_term_id"] == term
                    for row in expected(order)
                ]
            )
            for term in self.source.terms
        }
        built = Built(self.right_parts(), rows, restated, whole)
        for order in orders:
            built.every[order["sis_term_id"]] += 1
            built.waiting[order["sis_term_id"]] += self.waits(order)
        for term, deleted in restated.items():
            missing = [each for each in ids(deleted) if int(each or 0) not in
                       self.source.orders]  # fmt: skip
            built.every[term] += len(missing)
        return built

    def is_gone(self, number: int, term: str) -> bool:
        """Return whether a delivered order vanished, or has no item or section left."""
        if order := self.source.orders.get(number):
            items = order["catalog_items"] + order["content_requests"]
            return not (items and order["sections"])
        return not self.source.terms[term]["is_archived"]

    def waits(self, order: Mapping[str, Any]) -> bool:
        """Return whether an order is in review."""
        term, number = order["sis_term_id"], order["order_id"]
        delivered = any(str(number) in ids(rows) for rows in self.held.values())
        return not shown(order) and not (delivered and self.is_gone(number, term))

    def right_parts(self) -> Parts:
        """Return what is right for the inventory now."""
        return Parts(
            self.source.items, self.source.stock, self.parts.ever, self.confirmed
        )

    # ------------------------------------------------------- what each file must be
    def right_statuses(self, at: dt.datetime) -> dict[str, str | set[str]]:
        """Return what must become of every file that is due: a status, or its holds."""
        outcomes: dict[str, str | set[str]] = {
            feed: "on hold"
            for feed in (INVENTORY, DELTA, FULL)
            if self.is_held(feed, None, at)
        }
        period = last(at, BEGINNING - 2 * HOUR, 1)
        if INVENTORY not in outcomes and self.is_due(INVENTORY, period, at):
            outcomes[INVENTORY] = (
                "refused"
                if self.is_ahead(INVENTORY, at)
                else self.built.parts.holds(self.parts.rows) or "delivered"
            )
        opened = [term for term in self.source.terms if self.source.is_open(term, at)]
        for term in opened:
            due = {"delta": last(at, BEGINNING, 1), "full": last(at, MONDAY, 7)}
            for kind, period in due.items():
                feed = f"order_feed_{kind}_file"
                label = f"{feed}.{term}"
                if feed not in outcomes and self.is_due(label, period, at):
                    outcomes[label] = self.right_status(kind, term, at, opened)
        return outcomes

    def is_due(self, label: str, period: dt.datetime, at: dt.datetime) -> bool:
        """Return whether a file was due since it was last settled, or says so."""
        return self.settled.get(label, "") < instant(period) or self.is_ahead(label, at)

    def is_ahead(self, label: str, at: dt.datetime) -> bool:
        """Return whether a file was settled for a time that has not come yet."""
        return self.settled.get(label, "") > instant(at + HOUR)

    def is_held(self, feed: str, term: str | None, at: dt.datetime) -> bool:
        """Return whether a person holds a feed, or its file of one term."""
        return instant(at) < self.holds.get((feed, term), "")

    def right_status(
        self, kind: str, term: str, at: dt.datetime, opened: list[str]
    ) -> str | set[str]:
        """Return what must become of a file of the order feed that is due."""
        built, now = self.built, self.built.orders[term]
        feed = f"order_feed_{kind}_file"
        if self.is_held(feed, term, at):
            return "on hold"
        # Readers take the files of a term in the order of their days.
        is_behind = self.day.get(term, dt.date.min) > at.date()
        if is_behind or self.is_ahead(f"{feed}.{term}", at):
            return "refused"
        if kind == "delta" and self.day.get(term) == at.date():
            return "waiting"  # one name a day, and one build
        has = [row for row in self.held.get(term, []) if row["order_id"]
               not in self.former]  # fmt: skip
        holds = order_holds(
            now, has, self.lost(term, opened) or self.too_many(term, has),
            built.waiting[term], built.every[term], kind == "full",
            self.full_rows.get(term),
        )  # fmt: skip
        changed = kind == "full" or ids(now) & self.differing()
        return holds or ("delivered" if changed else "skipped")

    def lost(self, term: str, opened: list[str]) -> set[str | None]:
        """Return the orders of a term that no file has any more, in review or not."""
        lost = ids(self.held.get(term, [])) - ids(self.built.orders[term])
        for other in opened:
            lost -= ids(self.built.orders[other])  # its file has them
        waiting = {str(n) for n, each in self.source.orders.items() if self.waits(each)}
        return lost - waiting - self.former

    def too_many(self, term: str, has: list[Row]) -> bool:
        """Return whether more orders vanished than the exposure allows."""
        deleted = ids(self.built.restated[term])
        new = {row["order_id"] for row in self.held.get(term, []) if
               row["is_deleted"] == "false" and row["order_id"] in deleted}  # fmt: skip
        return exceeds(len(new), len(ids(has)), 0.05, 5)

    def differing(self) -> set[str | None]:
        """Return the orders whose rows or terms are not those that the reader has."""
        sides: list[dict[str | None, list[tuple[str, Row]]]] = []
        for terms in (self.held, self.built.orders):
            orders: dict[str | None, list[tuple[str, Row]]] = {}
            for term, rows in terms.items():
                for row in rows:
                    orders.setdefault(row["order_id"], []).append((term, row))
            sides.append(orders)
        before, now = sides
        return {each for each in now if now[each] != before.get(each)}


def ids(rows: list[Row]) -> set[str | None]:
    """Return the orders of some rows."""
    return {row["order_id"] for row in rows}


def last(at: dt.datetime, one: dt.datetime, days: int) -> dt.datetime:
    """Return the last time up to `at` that is so many days times n from `one`."""
    return at - (at - one) % dt.timedelta(days=days)
