"""Whatever happens at the source and on the line, the reader arrives at the source.

CI runs a sample of histories; FEEDS_HISTORIES says how many.
"""

import os
import sys
import time

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from order_machine import COUNTED, Nights
from order_project import Template

HISTORIES = int(os.environ.get("FEEDS_HISTORIES", "8"))


@pytest.mark.timeout(0 if HISTORIES > 100 else 600)
def test_the_reader_always_arrives_at_the_source(
    order_template: Template,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    class Machine(Nights):
        pass

    Machine.template = order_template.lenient()
    Machine.patched = monkeypatch
    began = time.monotonic()
    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=HISTORIES,
                stateful_step_count=40,
                deadline=None,
                database=None,
                print_blob=False,
                derandomize=HISTORIES < 100,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            ),
        )
    finally:
        with capsys.disabled():
            counts = ", ".join(f"{number:,} {name}" for name, number in COUNTED.items())
            sys.stdout.write(f"\n{counts}, {time.monotonic() - began:.0f} s\n")
    assert COUNTED["histories"] >= HISTORIES
