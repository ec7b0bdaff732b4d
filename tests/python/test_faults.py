"""A sample of the crash harness; `make faults` runs all of it."""

import os
import sys
from pathlib import Path

import pytest
from conftest import Command

HERE = Path(__file__).parent


@pytest.mark.timeout(660)
def test_a_sample_of_cells_holds(command: Command) -> None:
    done = command(
        *(sys.executable, "-m", "faults", "--sample", "--workers", 2),
        cwd=HERE,
        seconds=600,
        env={"FEEDS_REQUIRE_SERVERS": os.environ.get("FEEDS_REQUIRE_SERVERS", "")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 do not hold" in done.stdout
