"""What may become of a night."""

import datetime as dt
from collections.abc import Sequence
from itertools import repeat

from connection_faults import FAULTS, GOOD, scripts
from hypothesis import strategies as st
from order_expected import instant

from histories.nights import FILES, Clock
from histories.operations import Operations, due_words, results
from histories.right import HOUR, INVENTORY
from histories.source import DAY, Draw

# Every failpoint that a delivery reaches once for each file or item.
FAILPOINTS = (
    *("before-append:intent", "after-append:intent", "before-connect", "after-login"),
    *("in-stor", "after-stor", "before-append:placing", "after-append:placing"),
    *("before-rnto", "after-rnto", "before-append:delivered"),
    *("after-append:delivered", "after-receipt", "before-append:held"),
    *("after-append:held", "before-append:nothing", "after-append:nothing"),
)
PRUNE_FAILPOINTS = (
    *("before-append:pruned", "after-append:pruned", "after-pruned-json", "in-prune"),
)
CHECK_FAILPOINTS = ("in-check", "in-check-stor")
EXTRACT_FAILPOINTS = ("in-landing", "before-current", "after-current")
# What may become of a night. A good one is most frequent.
EVENTS = (
    *("good_night",) * 5,
    *("approved_night",) * 2,
    *("confirmed_night", "jump_night"),
    *("missed_night", "late_night", "second_run", "asked_again"),
    *("bad_connections", *("lost_connection",) * 2),
    *("killed_publish", "killed_build", "killed_extract"),
    *("killed_prune", "killed_check", "source_down"),
    *("clock_ahead", "clocks_ahead", "night_on_hold", "released_night"),
)
# What the events lead to, as the machine counts it.
EFFECTS = (
    *("delivered", "skipped", "held", "approved", "waiting", "on hold", "released"),
    *("confirmed PRICE_JUMP", "confirmed TYPE_CHANGED", "voided", "settled"),
    *("killed in publish", "killed in prune", "killed in check", "killed in extract"),
    *("killed in build", "pruned items", "RUN_CLOCK", "ahead", "stale files were held"),
    "nights of real dbt",
)
_COLUMNS = {"PRICE_JUMP": "sell_price", "TYPE_CHANGED": "part_type"}
_KEEP_LITTLE = {"FEEDS_KEEP_DAYS": "1", "FEEDS_KEEP_RUNS": "1"}


class Nights(Operations):
    """The nights of both feeds. Each method with a `draw` is one event."""

    def night(self, edits: Sequence[str], event: str, draw: Draw) -> None:
        """Change the sources, then let a night pass.

        Args:
            edits: names of edits of `source`.
            event: one of EVENTS.
            draw: takes a strategy and a label, and returns a value.
        """
        self.counts["nights"] += 1
        for name in edits:
            self.counts[f"edit {name}"] += 1
            getattr(self.source, name)(draw)
        self.next_day()
        self.counts[f"night {event}"] += 1
        self.note(f"{instant(self.source.at)} {event}")
        getattr(self, event)(draw)

    def next_day(self) -> None:
        """Let the time come at which the orchestrator starts."""
        self.source.at += DAY

    def arrive(self) -> None:
        """Repair the sources, approve what is held, and compare."""
        self.source.repair_all()
        self.release_holds(self.source.at)
        self.approve(self.source.at, self.good(self.source.at))
        terms = self.built.orders.items()
        assert {term: rows for term, rows in self.held.items() if rows} == {
            term: rows for term, rows in terms if rows
        }
        assert self.parts.rows == self.built.parts.rows

    def good_night(self, draw: Draw) -> None:
        """Nothing goes wrong."""
        self.good(self.source.at)

    def approved_night(self, draw: Draw) -> None:
        """A person looks at each file that is held, and approves it."""
        ended = self.good(self.source.at)
        self.approve(self.source.at, ended)

    def confirmed_night(self, draw: Draw) -> None:
        """A person confirms prices and types that wait; they go out another night."""
        self.approve(self.source.at, self.good(self.source.at))
        self.confirm(draw)

    def jump_night(self, draw: Draw) -> None:
        """A price jumps, a person confirms it; the source may show yet another."""
        offered = sorted({sku for _, sku in self.parts.rows})
        if not offered:
            return self.good_night(draw)
        sku = draw(st.sampled_from(offered), "jumps")
        item = next(i for i in self.source.items.values() if i["Name"] == sku)
        share = draw(st.sampled_from([0.4, 0.55, 1.5, 3]), "share")
        row = next(row for (_, name), row in self.parts.rows.items() if name == sku)
        item["Price"] = round(float(row["sell_price"]) * share, 2)
        self.approve(self.source.at, self.good(self.source.at))
        self.confirm(draw, sku)
        if draw(st.booleans(), "yet another value"):
            item["Price"] = round(item["Price"] * 1.01 + 0.01, 2)
        return None

    def confirm(self, draw: Draw, certain: str = "") -> None:
        """Confirm values that wait; those of the item `certain` in any case."""
        # What was approved is what the partner has now.
        self.project.build(None, self.source.at)
        self.built.parts = waiting = self.right_parts()
        for (place, sku), code in waiting.codes.items():
            if code not in _COLUMNS or not (
                sku == certain or draw(st.booleans(), f"confirm {sku}")
            ):
                continue
            self.counts[f"confirmed {code}"] += 1
            column = _COLUMNS[code]
            value = waiting.shown[place, sku][column]
            words = ("confirm", INVENTORY, "--key", "DEMO01", "--key", place)
            words += ("--key", sku, "--column", column, "--value", value)
            assert self.project.publish(*words, "--because", "right").code == 0
        self.read_ledger()

    def missed_night(self, draw: Draw) -> None:
        """Nobody runs anything."""

    def late_night(self, draw: Draw) -> None:
        """A person does at two in the morning what was due before."""
        self.good(self.source.at + dt.timedelta(hours=18))

    def second_run(self, draw: Draw) -> None:
        """The orchestrator runs publish twice; the second run sends nothing."""
        at = self.source.at
        statuses = self.good(at).statuses
        stays = ("held", "waiting", "on hold", "refused", "nothing open")
        done = {label: each for label, each in statuses.items() if each in stays}
        before = len(self.project.ledger.all("intent"))
        again = self.publish(at).statuses
        assert again == done, (again, done)
        assert len(self.project.ledger.all("intent")) == before

    def asked_again(self, draw: Draw) -> None:
        """A person asks for the same inventory once more."""
        at = self.source.at
        if self.good(at).statuses.get(INVENTORY) != "delivered":
            return
        words = (INVENTORY, "--again", "--because", "the partner lost it")
        rows = self.parts.rows
        assert self.publish(at, *words, due=False).statuses == {INVENTORY: "delivered"}
        assert self.parts.rows == rows

    def bad_connections(self, draw: Draw) -> None:
        """Connections break, in any way, at any time."""
        faults = draw(
            st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=6), "faults"
        )
        self._break(faults)

    def lost_connection(self, draw: Draw) -> None:
        """The server does not answer a rename, and then no more."""
        self._break([*["ok"] * draw(st.integers(0, 6), "good connections"), "lost"])

    def _break(self, faults: Sequence[str]) -> None:
        for fault in faults:
            self.counts[f"connection {fault}"] += 1
        self.clean = False
        self.build(self.source.at)
        self.project.server.scripts = scripts(faults)
        self.publish(self.source.at)
        self.project.server.scripts = repeat(GOOD)

    def killed_publish(self, draw: Draw) -> None:
        """The process dies at a failpoint."""
        self.clean = False
        self.build(self.source.at)
        words = due_words(self.source.at)
        self.kill(draw, "publish", FAILPOINTS, *words, FEEDS_ACCEPT_FIRST="1")
        self.read_ledger()

    def killed_prune(self, draw: Draw) -> None:
        """A prune dies; the next one finishes its work, and nothing is missed."""
        self.recover(self.source.at)
        self.kill(draw, "prune", PRUNE_FAILPOINTS, "prune", **_KEEP_LITTLE)
        assert self.project.publish("prune", **_KEEP_LITTLE).code == 0
        assert self.project.publish("prune", **_KEEP_LITTLE).result["finished"] == 0
        self.counts["pruned items"] += len(self.project.ledger.all("pruned"))
        self.read_ledger()
        self.good(self.source.at)

    def killed_check(self, draw: Draw) -> None:
        """A check of the partner's server dies; the next one removes what it left."""
        self.kill(draw, "check", CHECK_FAILPOINTS, "check")
        assert self.project.publish("check").code == 0
        assert not [*self.project.server.folder.rglob("partner-feeds-check*")]
        self.good(self.source.at)

    def killed_extract(self, draw: Draw) -> None:
        """An extract dies; the next one starts anew."""
        self.recover(self.source.at)
        point = draw(st.sampled_from(EXTRACT_FAILPOINTS), "failpoint")
        visit = draw(st.integers(1, 5), "visit")
        code = self.project.extract_killed(
            f"{point}=kill@{visit}", self.source.records(), self.source.at
        )
        self.counts["killed in extract"] += code != 0
        self.good(self.source.at)

    def kill(
        self,
        draw: Draw,
        command: str,
        failpoints: tuple[str, ...],
        *words: str,
        **variables: str,
    ) -> None:
        """Run a command of `publish` that dies at a failpoint, if it gets there."""
        point = draw(st.sampled_from(failpoints), "failpoint")
        visit = draw(st.sampled_from([1, 1, 1, 2, 3]), "visit")
        how = draw(st.sampled_from(["kill", "kill", "term"]), "signal")
        code = self.project.publish_killed(
            f"{point}={how}@{visit}", *words, **variables
        )
        self.counts[f"killed in {command}"] += code not in (0, 1)

    def killed_build(self, draw: Draw) -> None:
        """The build dies behind any node; then nothing of the new extract is sent."""
        nodes = draw(st.integers(0, len(self.project.nodes) - 1), "nodes")
        self.counts["killed in build"] += 1
        self.recover(self.source.at)
        before = len(self.project.ledger.all("intent"))
        self.build(self.source.at, nodes)
        statuses = self.publish(self.source.at).statuses
        assert not {"delivered", "skipped", "unchanged"} & {*statuses.values()}
        assert len(self.project.ledger.all("intent")) == before
        self.clean = False

    def source_down(self, draw: Draw) -> None:
        """No source answers: the files of the last extract are too old to be sent."""
        at = self.source.at + 2 * HOUR
        self.recover(self.source.at)
        if self.read_at is None or at - self.read_at < 25 * HOUR:
            return self.good_night(draw)
        self.project.build(None, at)
        self.built.whole = False
        for label, status in results(self.publish(at)).items():
            assert status in ("on hold", "refused") or {
                "RUN_STALE",
                "RUN_SOURCE_STALE",
            } & {*status}, (
                label,
                status,
            )
        self.counts["stale files were held"] += 1
        return None

    def clock_ahead(self, draw: Draw) -> None:
        """Our clock is ahead of the sources': every file is held; then it is true."""
        self.recover(self.source.at)
        true = Clock.moment
        at = self.source.at + draw(st.sampled_from([2, 30, 100]), "hours") * HOUR
        self.build(at, source_clock=self.source.at)
        right = self.right_statuses(at)
        ended = results(self.publish(at))
        assert ended.keys() == right.keys()
        for label, status in ended.items():
            assert (
                status == right[label]
                if isinstance(status, str)
                else ("RUN_CLOCK" in status)
            ), (label, status)
            self.counts["RUN_CLOCK"] += "RUN_CLOCK" in status
        Clock.moment = true
        self.good(self.source.at)

    def clocks_ahead(self, draw: Draw) -> None:
        """All clocks are ahead by a day; no file is sent until that day has come."""
        self.recover(self.source.at)
        true = Clock.moment
        self.good(self.source.at + DAY)
        Clock.moment = true
        self.counts["ahead"] += "refused" in self.good(self.source.at).statuses.values()

    def night_on_hold(self, draw: Draw) -> None:
        """A person holds a feed, or one file of it, for one to three days."""
        feed = draw(st.sampled_from(FILES), "feed")
        terms = [] if feed == INVENTORY else [None, *sorted(self.built.orders)]
        term = draw(st.sampled_from(terms or [None]), "term")
        self.recover(self.source.at)
        self.hold(self.source.at, feed, term, draw(st.integers(1, 3), "days"))
        self.good(self.source.at)

    def released_night(self, draw: Draw) -> None:
        """A person ends what is on hold before its time."""
        self.release_holds(self.source.at)
        self.good(self.source.at)
