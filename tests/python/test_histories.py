"""Whatever happens at the sources, to the machine and on the line, readers arrive.

CI runs a few histories; `make histories` runs more. See `histories`.
"""

import sys
import time
import warnings

import pytest
from histories import machine, nights

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

HISTORIES = 3


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> nights.Compiled:
    """What dbt compiles once for all histories."""
    return nights.Compiled.build(tmp_path_factory.mktemp("compiled"))


@pytest.mark.timeout(600)
def test_readers_always_arrive_at_the_sources(
    compiled: nights.Compiled,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nights.speed_up(monkeypatch)
    began = time.monotonic()
    counts = machine.run(compiled, HISTORIES, seed=0)
    with capsys.disabled():
        summary = machine.summary(counts, time.monotonic() - began)
        sys.stdout.write(f"\n{summary}\n")
    assert counts["histories"] >= HISTORIES
    assert counts["nights of real dbt"]
