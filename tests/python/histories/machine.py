"""The machine: Hypothesis draws the edits and the events of histories of nights."""

import shutil
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path

import hypothesis
import pytest
from connection_faults import FAULTS, GOOD
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from servers.stub import Stub

from histories import nights
from histories.events import EFFECTS, EVENTS, Nights
from histories.nights import Compiled, Project
from histories.source import DAY, EDITS, Source

# Every so many seeds have a night that real dbt builds too.
EVERY = 4
COUNTED: Counter[str] = Counter()


class Histories(RuleBasedStateMachine):
    """Nights that Hypothesis draws."""

    compiled: Compiled
    server: Stub
    # The last night of this history is built by real dbt too.
    built_by_dbt = 2

    @initialize(data=st.data(), weekday=st.integers(0, 6))
    def begin(self, data: st.DataObject, weekday: int) -> None:
        """Start with an empty data directory; choose what this history is about."""
        COUNTED["histories"] += 1
        self.folder = Path(tempfile.mkdtemp(prefix="nights", dir=nights.memory()))
        self.failed = False
        self.nights = Nights(
            Project(self.folder, self.compiled, self.server),
            Source(weekday),
            COUNTED,
            hypothesis.note,
            eager=data.draw(st.booleans(), "eager"),
        )
        edits = [name for names in EDITS.values() for name in names]
        # Not everything in every history: rare edits are frequent in some.
        self.edits = data.draw(
            st.lists(st.sampled_from(edits), min_size=3, max_size=12, unique=True)
        )

    @rule(data=st.data())
    def night(self, data: st.DataObject) -> None:
        """Change the sources, then let a night pass."""
        self.failed = True  # unless it gets to its end
        chosen = st.lists(st.sampled_from(sorted(self.edits)), min_size=1, max_size=4)
        edits = data.draw(chosen, "edits")
        event = data.draw(st.sampled_from(EVENTS), "event")
        self.nights.night(edits, event, data.draw)
        self.failed = False

    def teardown(self) -> None:
        """Repair everything; after the next nights the readers have all that is."""
        try:
            if hasattr(self, "nights") and not self.failed:
                self.nights.with_dbt = COUNTED["histories"] == self.built_by_dbt
                self.nights.source.at += 2 * DAY  # behind every clock
                self.nights.arrive()
        finally:
            if hasattr(self, "nights"):
                self.nights.consumer.close()
                shutil.rmtree(self.folder)


def run(
    compiled: Compiled,
    histories: int,
    seed: int,
    shrink: bool = False,
    length: int = 10,
) -> Counter[str]:
    """Run histories of ten nights and one more; return what happened how often.

    Args:
        compiled: of a real build.
        histories: how many.
        seed: of what is drawn.
        shrink: look for the shortest history that fails.
        length: other nights than ten.
    """

    @hypothesis.seed(seed)
    class Machine(Histories):
        pass

    COUNTED.clear()
    Machine.compiled = compiled
    Machine.built_by_dbt = 0 if seed % EVERY else 2
    with Stub(GOOD) as Machine.server:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=histories,
                stateful_step_count=length + 1,
                deadline=None,
                database=None,
                print_blob=False,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
            ),
            _min_steps=length + 1,
        )
    return Counter(COUNTED)


def chunk(
    folder: Path, histories: int, seed: int, shrink: bool
) -> tuple[Counter[str], str]:
    """Run histories in a process of their own.

    Returns:
        What happened how often; the failure, or "".
    """
    warnings.simplefilter("ignore", DeprecationWarning)
    nights.speed_up(pytest.MonkeyPatch())
    try:
        return run(Compiled.read(folder), histories, seed, shrink), ""
    except BaseException as error:
        notes = "\n".join(getattr(error, "__notes__", ()))
        text = f"seed {seed}: {traceback.format_exc()}\n{notes}"
        return Counter(COUNTED), text


def never(counts: Counter[str]) -> list[str]:
    """Return the steps that never happened."""
    edits = [f"edit {name}" for names in EDITS.values() for name in names]
    events = [f"night {event}" for event in EVENTS]
    connections = [f"connection {fault}" for fault in FAULTS]
    steps = dict.fromkeys([*events, *edits, *connections, *EFFECTS])
    return [step for step in steps if not counts[step]]


def summary(counts: Counter[str], seconds: float) -> str:
    """Say what happened, and in which share of the nights."""
    nights, histories = counts["nights"], counts["histories"]
    shares = {
        name.removeprefix("night "): number
        for name, number in counts.items()
        if name.startswith("night ")
    }
    lines = [f"{histories:,} histories, {nights:,} nights in {seconds:,.0f} s: "
             f"{60 * histories / seconds:.1f} histories a minute"]  # fmt: skip
    lines += [f"  {n / nights:6.1%} {name}" for name, n in sorted(shares.items())]
    rest = [name for name in sorted(counts) if not name.startswith("night ")]
    lines += [f"  {counts[name]:6,} {name}" for name in rest]
    return "\n".join(lines)
