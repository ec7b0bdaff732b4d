"""The figures of `monitor metrics`, read by the parsers of Prometheus' own client."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from delivered_project import NOW, SENT, DeliveredProject
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics,
)
from prometheus_client.parser import text_string_to_metric_families as older_format

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def project(delivered: DeliveredProject, tmp_path: Path) -> DeliveredProject:
    return delivered.copy(tmp_path / "project")


def figures(text: str, parse: Callable = open_metrics) -> Figures:
    """Return the samples by name, without the prefix, and labels."""
    return {
        (
            sample.name.removeprefix("partner_feeds_"),
            tuple(sorted(sample.labels.items())),
        ): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def printed(project: DeliveredProject) -> str:
    ran = project.run("monitor", "metrics", "--at", NOW)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def seconds(time: str) -> float:
    return dt.datetime.fromisoformat(time).timestamp()


def test_the_figures_are_those_of_the_extract_the_ledger_and_health(
    project: DeliveredProject,
) -> None:
    project.checked()
    text = printed(project)
    assert text.endswith("# EOF\n")
    values = figures(text)
    assert values == figures(text, older_format)
    delivered = project.records("delivered")[-1]
    file = (
        ("destination", "onpart"),
        ("feed", "onpart_inventory"),
        ("file", "onpart_inventory"),
    )
    assert values["written_timestamp_seconds", ()] == seconds(NOW)
    assert values["delivered_timestamp_seconds", file] == seconds(SENT)
    assert values["delivered_rows", file] == delivered["rows"] > 0
    assert values["delivered_bytes", file] == delivered["bytes"] > 0
    assert values["held", file[1:]] == 0
    source = ("source", "ordertime")
    assert values["extract_rows", (source, ("table", "part_items"))] == 50
    assert ("extract_finished_timestamp_seconds", (source,)) in values
    assert values["due_timestamp_seconds", file[1:2]] <= seconds(NOW)
    assert values["health_exit_code", ()] == project.health().exit_code == 0


def test_a_problem_and_a_hold_are_figures(project: DeliveredProject) -> None:
    project.append_record(
        "held", checks=["RUN_ROWS"], reasons=[], sha256="0" * 64, at=NOW
    )
    values = figures(printed(project))
    assert values["health_exit_code", ()] == 1
    held = (("feed", "onpart_inventory"), ("file", "onpart_inventory"))
    assert values["held", held] == 1
    about = (
        ("about", "onpart_inventory"),
        ("acknowledged", "no"),
        ("id", "FILE_HELD"),
        ("severity", "act"),
    )
    assert values["problem", about] == 1


def test_a_file_is_written_whole_or_not_at_all(
    project: DeliveredProject, tmp_path: Path
) -> None:
    out = tmp_path / "partner_feeds.prom"
    words = ("monitor", "metrics", "--at", NOW, "--quiet", "--out")
    ran = project.run(*words, out)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert out.read_text() == printed(project)
    assert [path.name for path in tmp_path.glob("*.p*")] == [out.name]
    ran = project.run(*words, out / "below a file.prom")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "expected a path that can be written" in ran.stderr
    assert str(out) in ran.stderr


def test_before_the_first_build_the_figures_say_so(project: DeliveredProject) -> None:
    (project.root / "target/manifest.json").unlink()
    values = figures(printed(project))
    assert values["health_exit_code", ()] == 1
    names = {name for name, _ in values}
    assert names == {"written_timestamp_seconds", "health_exit_code", "problem"}
    assert ("id", "DBT_MISSING") in {pair for _, labels in values for pair in labels}
