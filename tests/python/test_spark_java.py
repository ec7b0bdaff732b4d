"""What is said where Java is missing or too old, or the extra `spark`."""

import subprocess
import sys
from pathlib import Path

import commands
import pytest
from commands import ROOT

from runtime.spark import without_java


def java(folder: Path, version: str) -> Path:
    """Write a script that prints what Java prints; return its JAVA_HOME."""
    program = folder / "bin/java"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026' >&2\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("", "found none as"),
        ("1.8.0_402", "found 1 as"),
        ("11.0.2", "found 11 as"),
        ("17.0.15", ""),
        ("21", ""),
    ],
)
def test_java_is_checked(version: str, message: str, tmp_path: Path) -> None:
    """`make .venv/spark/.ready` asks in this way."""
    if version:
        java(tmp_path, version)
    ran = subprocess.run(
        [sys.executable, "-c", "from runtime import spark; exit(spark.without_java())"],
        env={"JAVA_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == (1 if message else 0)
    assert message in ran.stderr
    assert not message or "expected Java 17 or later" in ran.stderr


def test_a_server_of_spark_connect_needs_no_java_here(tmp_path: Path) -> None:
    here = {"JAVA_HOME": str(tmp_path), "SPARK_REMOTE": "sc://host:15002"}
    assert without_java(here) is None


def test_a_build_on_spark_says_what_is_missing(tmp_path: Path) -> None:
    """The environment of the tests has no dbt-spark."""
    for version, message in (
        ("11.0.2", "Error: expected Java 17 or later for Spark, found 11 as "),
        ("17.0.15", "Error: expected dbt-spark, because FEEDS_ENGINE is spark, found"),
    ):
        ran = commands.run(
            "publish", "build", cwd=ROOT,
            env={
                "FEEDS_DATA": tmp_path / "data", "FEEDS_ENGINE": "spark",
                "JAVA_HOME": java(tmp_path, version),
            },
        )  # fmt: skip
        assert ran.returncode == 2
        assert message in ran.stderr
