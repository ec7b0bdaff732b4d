"""The steps of a night: build, publish, and what an operator does behind them."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from histories.nights import Clock, Ended
from histories.partners import Partners
from histories.right import DELTA, INVENTORY


class Operations(Partners):
    """What the machine and its operator do in a night.

    Attributes:
        clean: nothing went wrong since the last good night.
        with_dbt: real dbt builds the next good night too.
        read_at: when the sources were read last; None for never.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """Start with an empty data directory; see `Partners`."""
        super().__init__(*args, **options)
        self.clean, self.with_dbt = True, False
        self.read_at: dt.datetime | None = None

    def build(
        self,
        at: dt.datetime,
        nodes: int | None = None,
        source_clock: dt.datetime | None = None,
    ) -> None:
        """Extract and build; remember what is right for this build."""
        records = self.source.records()
        self.project.build(records, at, nodes, source_clock=source_clock)
        self.built, self.read_at = self.right_build(nodes is None), Clock.moment

    def publish(self, at: dt.datetime, *words: str, due: bool = True) -> Ended:
        """Publish what is due; check every file that is sent, by the ledger."""
        words = (*words, *due_words(at, due))
        ended = self.project.publish(*words, FEEDS_ACCEPT_FIRST="1")
        for label, file in ended.files.items():
            self.counts[file["status"]] += 1
            if file["status"] == "held":
                assert ended.code == 1, ended
            if file["status"] in ("held", "delivered") and self.built.whole:
                self.check_audit(label, Path(file["package"]))
        self.read_ledger()
        return ended

    def good(self, at: dt.datetime) -> Ended:
        """Build and publish without a fault."""
        self.recover(at)
        self.build(at)
        right = self.right_statuses(at)
        if self.with_dbt:
            self.counts["nights of real dbt"] += 1
            ready = {label: "ready" if each == "delivered" else each
                     for label, each in right.items()}  # fmt: skip
            real = self.project.same_as_dbt(at)
            real_results = results(real)
            for held_by in real_results.values():
                # Of the real suites; the nights have none, and know RUN_MIN_ROWS.
                if isinstance(held_by, set) and "RUN_MIN_ROWS" in held_by:
                    held_by.discard("rows-at-least-one")
            assert real_results == ready, (real.result, ready)
        ended = self.publish(at)
        assert results(ended) == right, (ended.result, right)
        for term in self.source.terms:
            self.check_orders(term, ended)
        if ended.statuses.get(INVENTORY, "on hold") not in ("on hold", "refused"):
            for key, values in self.confirmed.items():
                now = self.built.parts.shown.get(key, {})
                assert {**values, **now} == {**now, **values}, "not ended"
        return ended

    def recover(self, at: dt.datetime) -> None:
        """End what an earlier night left open, as an operator does."""
        if self.clean:
            return
        self.release_holds(at)  # what is on hold is not recovered
        # The first run ends what was left open. A build from before that is not
        # delivered, so everybody builds once more.
        self.build(at)
        unknown = [None]
        while unknown:  # a feed with an unknown end hides that of another file
            self.publish(at)
            records = self.project.ledger
            unknown = [
                record
                for record in records.all("unknown")
                if records.outcome(record["attempt"]) is record
            ]
            for record in unknown:
                self.settle(record)
        self.clean = True

    def hold(self, at: dt.datetime, feed: str, term: str | None, days: int) -> None:
        """Send nothing of a feed, or of its file of one term, for some days."""
        until = (at + dt.timedelta(days=days)).strftime("%Y-%m-%dT00:00:00Z")
        words = ("hold", feed, *([term] if term else []), "--until", until)
        done = self.project.publish(*words, "--because", "they asked")
        assert done.code == 0, done
        self.counts["put on hold"] += 1
        self.holds[feed, term] = until
        self.read_ledger()

    def release_holds(self, at: dt.datetime) -> None:
        """End every hold before its time."""
        for feed in {feed for feed, _ in self.holds}:
            if any(self.is_held(feed, term, at) for _, term in self.holds):
                self.counts["released"] += 1
                done = self.project.publish("release", feed, "--because", "done")
                assert done.code == 0, done
        self.holds.clear()
        self.read_ledger()

    def settle(self, record: Mapping[str, Any]) -> None:
        """Ask the partner whether a file arrived, and record the answer."""
        self.counts["settled"] += 1
        arrived = self.key(record["attempt"]) in self.taken
        answer = "delivered" if arrived else "not-delivered"
        words = ("settle", record["attempt"], "--as", answer, "--because", "I asked")
        assert self.project.publish(*words).code == 0
        self.read_ledger()

    def approve(self, at: dt.datetime, ended: Ended) -> None:
        """Approve what is held; then the same bytes go out."""
        held = [file for file in ended.files.values() if file["status"] == "held"]
        for file in held:
            self.counts["approved"] += 1
            because = ("--because", "I looked")
            done = self.project.publish("approve", file["sha256"], *because)
            assert done.code == 0, done
        if held:
            statuses = self.publish(at).statuses
            for file in held:
                empty = not file["rows"] and file["file"].startswith(DELTA)
                right = "skipped" if empty else "delivered"
                assert statuses[file["file"]] == right, (file, statuses)


def results(ended: Ended) -> dict[str, str | set[str]]:
    """Return the status of each file, or the checks that hold it."""
    return {
        label: {check["id"] for check in file["held_by"]}
        if file["status"] == "held"
        else file["status"]
        for label, file in ended.files.items()
        if file["status"] != "nothing open"
    }


def due_words(at: dt.datetime, due: bool = True) -> tuple[str, ...]:
    """Return the words of a run for a logical time."""
    return ("--at", f"{at:%Y-%m-%dT%H:%M:%SZ}", *(["--due"] if due else []))
