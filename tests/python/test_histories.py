"""Whatever happens at the sources, to the machine and on the line, readers arrive.

CI runs two histories of three nights, and the nights around a change of the clocks.
`make histories` and `make year` run more. See `histories`.
"""

import datetime as dt
import sys
import time
import warnings
from pathlib import Path

import pytest
from compiled_project import Compiled
from histories import machine, nights, year

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

HISTORIES, NIGHTS = 2, 3


# In Europe the clocks change on 31 March 2024.
YEAR_BEGINS, YEAR_NIGHTS = dt.date(2024, 3, 29), 5


@pytest.mark.timeout(600)
def test_readers_always_arrive_at_the_sources(
    compiled_project: Compiled,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nights.speed_up(monkeypatch)
    began = time.monotonic()
    counts = machine.run(compiled_project, HISTORIES, seed=0, length=NIGHTS)
    with capsys.disabled():
        summary = machine.summary(counts, time.monotonic() - began)
        sys.stdout.write(f"\n{summary}\n")
    assert counts["histories"] >= HISTORIES
    assert counts["nights"] >= HISTORIES * NIGHTS
    assert counts["nights of real dbt"]


@pytest.mark.timeout(600)
def test_a_year_goes_on_when_the_clocks_change(
    compiled_project: Compiled,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nights.speed_up(monkeypatch)
    months, counts = year.run(compiled_project, tmp_path, YEAR_NIGHTS, YEAR_BEGINS)
    with capsys.disabled():
        for name, month in months.items():
            sys.stdout.write(f"\n{year.title(month)}\n{year.line(name, month)}\n")
    assert [*months] == ["2024-03", "2024-04"]
    assert counts["delivered"]
    for command in ("build", "publish", "status", "health", "why", "page"):
        assert months["2024-03"].median(command), command
