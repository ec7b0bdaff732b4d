"""A sample of `make drift-quality`: faults are reported, clean runs are not."""

from pathlib import Path

import pytest
from conftest import Command

from benchmarks import drift_quality, drift_world


@pytest.mark.long
@pytest.mark.timeout(600)
def test_faults_are_caught_and_clean_runs_are_quiet(command: Command, tmp_path: Path):
    target = tmp_path / "target"
    ran = command(
        "dbt", "parse", "--target-path", target, env={"DBT_LOG_PATH": tmp_path}
    )
    assert ran.returncode == 0, ran.stdout
    results = drift_quality.measure(target / "manifest.json", 60, 1500, 15)
    clean = results.pop("clean")
    assert clean.trials == 60
    assert clean.held == 0
    assert clean.reported <= 2
    assert results.keys() >= drift_world.FAULTS.keys()
    for kind in ("wipe-out", "20 % loss", "null flood", "price collapse"):
        assert results[kind].trials == 4
        assert results[kind].share == 1, kind
